package wire_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/jobs"
)

// loadSeen is what all clients together have seen. A response is judged by what
// was known when its request was sent: nothing of that may have been lost.
type loadSeen struct {
	mu       sync.Mutex
	now      int // counts what happens
	jobs     map[string]*sighting
	ids      map[string][]string // of jobs by organization, in the order in which they were seen
	flights  [][]string          // the jobs in flight of each list
	replies  map[string]int      // by operation and status
	took     map[string][]time.Duration
	last     time.Time     // when a response came
	silence  time.Duration // the longest time without one
	problems []string
}

// sighting is what was seen of a job.
type sighting struct {
	organization, format string

	request   string // what was asked for; empty as long as no response to that was seen
	sections  string
	retryOf   string
	status    jobs.Status // if it has ended
	endedAt   int         // when that was seen; 0 if it was not
	asked     bool        // for a deletion
	deletedAt int         // when one was done; 0 if none was
	link      string
	downloads int
	digest    string
}

func newLoadSeen() *loadSeen {
	return &loadSeen{
		jobs: make(map[string]*sighting), ids: make(map[string][]string),
		replies: make(map[string]int), took: make(map[string][]time.Duration),
	}
}

// problem notes what should not have happened.
func (s *loadSeen) problem(format string, args ...any) {
	s.problems = append(s.problems, fmt.Sprintf(format, args...))
}

// sending notes that a request is sent, and returns when.
func (s *loadSeen) sending() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now++
	return s.now
}

// pick returns a job of an organization that is suitable, the newest ones more
// often, and its id; nil if none was found.
func (s *loadSeen) pick(random *rand.Rand, organization string, suitable func(*sighting) bool) (string, *sighting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := s.ids[organization]
	for range 20 {
		if len(ids) == 0 {
			break
		}
		i := random.IntN(len(ids))
		if random.IntN(2) == 0 {
			i = max(i, len(ids)-1-random.IntN(10))
		}
		if job := s.jobs[ids[i]]; suitable(job) {
			return ids[i], job
		}
	}
	return "", nil
}

// sight takes note of a job as a response has it. The caller has s.mu.
func (s *loadSeen) sight(sent int, organization string, got statusOut) *sighting {
	job := s.jobs[got.JobID]
	if job == nil {
		job = &sighting{organization: organization, format: got.ArchiveFormat}
		s.jobs[got.JobID] = job
		s.ids[organization] = append(s.ids[organization], got.JobID)
	}
	switch {
	case job.organization != organization || job.format != got.ArchiveFormat:
		s.problem("job %s of %s is seen as a %s of %s", got.JobID, job.organization, got.ArchiveFormat, organization)
	case job.endedAt > 0 && job.endedAt < sent && job.status != got.Status:
		s.problem("job %s was %s and is %s", got.JobID, job.status, got.Status)
	case job.deletedAt > 0 && job.deletedAt < sent && (got.Status.InFlight() || got.DownloadURL != ""):
		s.problem("job %s was deleted, and is %s with the link %q", got.JobID, got.Status, got.DownloadURL)
	case got.Status == jobs.Failed && !job.asked:
		s.problem("job %s has failed: %s", got.JobID, got.Error)
	case got.Status == jobs.Completed && got.DownloadURL == "" && !job.asked:
		s.problem("job %s is completed and has no link", got.JobID)
	}
	if !got.Status.InFlight() && job.endedAt == 0 {
		s.now++
		job.status, job.endedAt = got.Status, s.now
	}
	if got.DownloadURL != "" {
		job.link = got.DownloadURL
	}
	return job
}

// counted notes a response.
func (s *loadSeen) counted(operation string, status int, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replies[fmt.Sprintf("%s %d", operation, status)]++
	s.took[operation] = append(s.took[operation], took)
	now := time.Now()
	if !s.last.IsZero() {
		s.silence = max(s.silence, now.Sub(s.last))
	}
	s.last = now
	if status >= http.StatusInternalServerError {
		s.problem("%s gives status %d", operation, status)
	}
}

// isEnough tells whether everything has happened at least once that is checked.
func (s *loadSeen) isEnough() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	var cancelled, purged, downloaded bool
	for _, job := range s.jobs {
		cancelled = cancelled || job.deletedAt > 0 && job.status == jobs.Failed
		purged = purged || job.deletedAt > 0 && job.status == jobs.Completed
		downloaded = downloaded || job.downloads > 0
	}
	return cancelled && purged && downloaded
}

// report prints the counts.
func (s *loadSeen) report(t *testing.T, period time.Duration) {
	t.Helper()
	var all []time.Duration
	for _, operation := range slices.Sorted(maps.Keys(s.took)) {
		took := s.took[operation]
		all = append(all, took...)
		t.Logf("%-9s %6d requests, %s", operation, len(took), spread(took))
	}
	t.Logf("%-9s %6d requests, %s; %.0f/s by %d clients, none for %v at most", "all", len(all), spread(all),
		float64(len(all))/period.Seconds(), loadClients, s.silence.Round(time.Millisecond))
	var replies []string
	for _, reply := range slices.Sorted(maps.Keys(s.replies)) {
		replies = append(replies, fmt.Sprintf("%s: %d", reply, s.replies[reply]))
	}
	t.Log(strings.Join(replies, ", "))
}

func spread(took []time.Duration) string {
	sorted := slices.Sorted(slices.Values(took))
	at := func(percent int) time.Duration {
		return sorted[min(len(sorted)*percent/100, len(sorted)-1)].Round(time.Millisecond)
	}
	return fmt.Sprintf("half within %v, 99 %% within %v, all within %v", at(50), at(99), at(100))
}

// loadLog counts messages from warnings upwards.
type loadLog struct {
	mu       sync.Mutex
	messages map[string]int
	errors   []string
}

// Enabled implements [slog.Handler].
func (*loadLog) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

// Handle implements [slog.Handler].
func (l *loadLog) Handle(_ context.Context, r slog.Record) error {
	var text strings.Builder
	text.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&text, " %v", a)
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.messages == nil {
		l.messages = make(map[string]int)
	}
	l.messages[r.Level.String()+" "+r.Message]++
	if r.Level >= slog.LevelError {
		l.errors = append(l.errors, text.String())
	}
	return nil
}

// WithAttrs implements [slog.Handler].
func (l *loadLog) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup implements [slog.Handler].
func (l *loadLog) WithGroup(string) slog.Handler { return l }
