package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

const (
	// heartbeatEvery keeps proxies from taking a stream for dead.
	heartbeatEvery = 15 * time.Second

	// writeTimeout is how long a client may take for an event. Then it is dropped,
	// and comes back by itself.
	writeTimeout = 10 * time.Second

	// reconnectAfter is how long clients are asked to wait before they come back.
	reconnectAfter = 2 * time.Second
)

// eventOut is the data of an event.
type eventOut struct {
	orgExportStatusOut
	Progress []progressOut `json:"progress"`
	Retry    *retryOut     `json:"retry,omitempty"`
}

// retryOut says what a retry does, in the order of the archive.
type retryOut struct {
	Of        string   `json:"of"`         // the job that is retried
	TakenOver []string `json:"taken_over"` // the sections that do not run, because their parts are used
	Run       []string `json:"run"`        // the other ones
}

// progressOut is how far a section is. It has not ended yet.
type progressOut struct {
	Key         string `json:"key"`
	RecordCount int64  `json:"record_count"`
	BinaryCount int64  `json:"binary_count"`
	Bytes       int64  `json:"bytes"`
	Done        int64  `json:"done,omitempty"`
	Total       int64  `json:"total,omitempty"`
}

// eventsIn names a job, and the last event that the client has got of it.
type eventsIn struct {
	OrganizationID string `path:"organization_id"`
	JobID          string `path:"job_id"`
	LastEventID    string `header:"Last-Event-ID"`
}

func (in *eventsIn) organization() string { return in.OrganizationID }

func (in *eventsIn) faults(a *api) []fault {
	return (&jobIn{in.OrganizationID, in.JobID}).faults(a) // huma would not fill in an embedded jobIn
}

const eventsType = "text/event-stream"

// registerEvents adds the operation that streams events.
func (a *api) registerEvents() {
	responses := errorResponses(problemType, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound,
		http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusInternalServerError)
	responses["200"] = &huma.Response{Description: "OK", Content: map[string]*huma.MediaType{
		eventsType: {Schema: &huma.Schema{Type: "string"}},
	}}
	responses["204"] = &huma.Response{Description: "The export has ended, and the client has its last event."}
	register(a, huma.Operation{
		Method:      http.MethodGet,
		Path:        a.paths.events,
		OperationID: "watch_org_export",
		Tags:        []string{tagExtensions},
		Summary:     "Watch an organization data export",
		Description: "Stream server-sent events of the type `status`, whose data is that of a poll with `progress` of the sections " +
			"that run, and of an export that retries another with `retry`: the export that is retried (`of`), the sections that are taken over from it " +
			"(`taken_over`) and those that run (`run`), until its parts are deleted. There is one at once and one whenever something has changed, at most once a second after the first two. The stream ends with the export. " +
			"A client that comes back by itself, as those of browsers do, is told by the status 204 that it need not. " +
			"How many streams may be open at once is limited: for one more the status is 429, and polls go on.",
		Parameters: []*huma.Param{organizationParam("UUID of the organization."), jobParam(), {
			Name: "Last-Event-ID", In: "header", Schema: &huma.Schema{Type: "string"},
			Description: "The id of the last event that the client has got: it is not sent again.",
		}},
		Responses: responses,
	}, a.watchJob)
}

func (a *api) watchJob(ctx context.Context, in *eventsIn) (*huma.StreamResponse, error) {
	job, err := a.config.Service.Get(ctx, in.OrganizationID, in.JobID)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(of huma.Context) {
		r, w := humago.Unwrap(of)
		s := &stream{api: a, r: r, w: w, last: in.LastEventID, out: http.NewResponseController(w)}
		if !job.Status.InFlight() && eventID(job) == s.last {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if r.Method != http.MethodHead {
			done, err := a.openStream(principalOf(ctx).Name)
			if err != nil {
				a.fail(w, r, err)
				return
			}
			defer done()
		}
		if err := s.extend(); err != nil { // such as of a host that wraps w and hides what it can do
			a.fail(w, r, fmt.Errorf("httpapi: stream events: %w", err))
			return
		}
		w.Header().Set("Content-Type", eventsType)
		w.Header().Set("X-Accel-Buffering", "no") // nginx would keep events back
		if r.Method != http.MethodHead {
			s.run(ctx, job)
		}
	}}, nil
}

// stream is one client that watches a job.
type stream struct {
	api  *api
	r    *http.Request
	w    http.ResponseWriter
	out  *http.ResponseController
	last string // id of the event that the client has got
}

// run sends events until the job has ended, the client has gone, the server stops, or
// the client may not see the job any more. That is checked with each heartbeat, and
// before the client gets a link.
func (s *stream) run(ctx context.Context, job jobs.Job) {
	defer func() { _ = s.extend() }() // the end is written after this, perhaps long after the last event
	ok := s.write(fmt.Sprintf("retry: %d\n\n", reconnectAfter.Milliseconds())) && s.send(ctx, job)
	if !ok || !job.Status.InFlight() {
		return
	}
	updates, leave := s.api.watchers.watch(jobKey{job.Organization.ID, job.ID})
	defer leave()
	beat := time.NewTicker(heartbeatEvery)
	defer beat.Stop()
	for ok && job.Status.InFlight() {
		select {
		case <-ctx.Done():
			return
		case <-s.api.config.Stopping:
			return
		case <-beat.C:
			ok = !refused(s.check(ctx, job)) && s.write(":\n\n")
		case job = <-updates:
			ok = (job.Status.InFlight() || s.check(ctx, job) == nil) && s.send(ctx, job)
		}
	}
}

// check checks again what was checked when the stream began, but counts nothing.
func (s *stream) check(ctx context.Context, job jobs.Job) error {
	c, err := s.api.caller(s.r)
	if err == nil {
		err = s.api.mayExport(context.WithValue(ctx, callerKey{}, c), job.Organization.ID)
	}
	if err != nil && ctx.Err() == nil {
		s.api.log(ctx).WarnContext(ctx, "who watches a job is checked again", "job", job.ID, "error", err)
	}
	return err
}

// refused reports whether err means no. Other errors mean that nobody knows.
func refused(err error) bool {
	var e *errorOut
	return errors.Is(err, ErrUnauthorized) || errors.As(err, &e) && e.Status == http.StatusForbidden
}

// send writes the event of a job, unless the client has it. It returns false if it
// failed.
func (s *stream) send(ctx context.Context, job jobs.Job) bool {
	id := eventID(job)
	if id == s.last && job.Status.InFlight() {
		return true
	}
	status, err := s.api.statusOf(ctx, job)
	if err != nil {
		if ctx.Err() == nil {
			s.api.log(ctx).ErrorContext(ctx, "event not sent", "job", job.ID, "error", err)
		}
		return false
	}
	var data bytes.Buffer
	if err := marshal(&data, eventOut{status, s.api.progress(job), s.api.retry(job)}); err != nil { // of our own types only
		panic(err)
	}
	s.last = id
	return s.write("event: status\nid: " + id + "\ndata: " + strings.TrimSpace(data.String()) + "\n\n")
}

// write sends text to the client at once. It returns false if the client does not take
// it in time.
func (s *stream) write(text string) bool {
	if s.extend() != nil {
		return false
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return false
	}
	return s.out.Flush() == nil
}

// extend gives the client the time that it may take for the next event.
func (s *stream) extend() error { return s.out.SetWriteDeadline(time.Now().Add(writeTimeout)) }

// progress lists the sections of a job that run, in the order of the archive.
func (a *api) progress(job jobs.Job) []progressOut {
	running := slices.DeleteFunc(job.SectionsProgress(), func(p jobs.SectionProgress) bool {
		return slices.ContainsFunc(job.Results, func(r export.SectionResult) bool { return r.Key == p.Key })
	})
	keys := a.config.Service.Keys()
	slices.SortStableFunc(running, func(x, y jobs.SectionProgress) int {
		return slices.Index(keys, x.Key) - slices.Index(keys, y.Key)
	})
	out := make([]progressOut, len(running))
	for i, p := range running {
		out[i] = progressOut{p.Key, p.Records, p.Binaries, p.Bytes, p.Done, p.Total}
	}
	return out
}

// retry says what a job does that retries another. It is nil if the job does not, or has
// ended and its parts are deleted.
func (a *api) retry(job jobs.Job) *retryOut {
	if job.RetryOf == "" || !job.Status.InFlight() && len(job.Parts) == 0 {
		return nil
	}
	out := &retryOut{Of: job.RetryOf, TakenOver: []string{}, Run: []string{}}
	taken := job.TakenOver()
	for _, k := range job.Keys {
		if slices.Contains(taken, k.Key) {
			out.TakenOver = append(out.TakenOver, k.Key)
		} else {
			out.Run = append(out.Run, k.Key)
		}
	}
	return out
}

// eventID returns the id of the event of a job. It changes with what a client sees of
// the job, except for the link, and is the same on every node.
func eventID(job jobs.Job) string {
	job = job.Clone()
	job.Progress = job.SectionsProgress()
	slices.SortFunc(job.Progress, func(x, y jobs.SectionProgress) int { return strings.Compare(x.Key, y.Key) })
	slices.SortFunc(job.Results, func(x, y export.SectionResult) int { return strings.Compare(x.Key, y.Key) })
	parts := []any{job.Status, job.Progress, job.Results, job.Error, job.ObjectKey}
	if !job.DamagedAt.IsZero() {
		parts = append(parts, "damaged")
	}
	seen, err := json.Marshal(parts)
	if err != nil { // of our own types only
		panic(err)
	}
	sum := sha256.Sum256(seen)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}
