package riverqueue_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/record"
)

// slowSection takes its time, in steps. What it writes depends on nothing but the
// organization and its key.
type slowSection struct {
	key    string
	steps  int
	shards int           // of a section that can be split
	pace   time.Duration // of a step
	began  func(context.Context, export.Scope, string) error
}

// slowSections are short and long ones by turns, so that whoever takes a job over
// finds some that are sealed. The pace is that of their steps. With split, some can be
// split. began is called when a section, or a shard of it, begins. Optional.
func slowSections(pace time.Duration, split bool, began func(context.Context, export.Scope, string) error) []export.Section {
	var sections []export.Section
	for _, s := range []slowSection{
		{key: "organization", steps: 1}, {key: "products", steps: 20, shards: 3}, {key: "members", steps: 3},
		{key: "orders", steps: 12}, {key: "assets", steps: 15, shards: 2}, {key: "notes", steps: 5}, {key: "labels", steps: 8},
	} {
		s.pace, s.began = pace, began
		if split && s.shards > 0 {
			sections = append(sections, splitSection{s})
		} else {
			sections = append(sections, s)
		}
	}
	return sections
}

func (s slowSection) Key() string { return s.key }

func (s slowSection) Export(ctx context.Context, scope export.Scope, sink export.Sink) error {
	if s.began != nil {
		if err := s.began(ctx, scope, s.key); err != nil {
			return err
		}
	}
	bytes := rand.NewChaCha8(sha256.Sum256([]byte(scope.Organization.ID + " " + s.key)))
	random := rand.New(bytes)
	for i := range s.steps {
		if err := s.wait(ctx); err != nil {
			return err
		}
		name := fmt.Sprintf("%s-%03d", s.key, i)
		if err := sink.Records(name+"/list.ndjson", rows(random)); err != nil {
			return err
		}
		if err := sink.Binary(name+"/picture.bin", io.LimitReader(bytes, random.Int64N(5<<10))); err != nil {
			return err
		}
	}
	return nil
}

func (s slowSection) wait(ctx context.Context) error {
	if s.pace == 0 {
		return nil
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(s.pace):
		return nil
	}
}

func rows(random *rand.Rand) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		for i := range 8 {
			row := record.Row{Columns: []string{"number", "name"}, Values: []any{i, fmt.Sprintf("%x", random.Uint64())}}
			if !yield(row, nil) {
				return
			}
		}
	}
}

// run is a section, or a shard of one, that a worker of a job has run.
type run struct {
	job     string
	section string
	shard   string // its range, or "all"
	worker  int    // its number: see [jobs.Job.Claims]
	owner   string
}

// attemptKey is that of the job, as it was claimed or came to be helped with, in the
// context of its sections.
type attemptKey struct{}

// attempts tells sections whose they are.
func attempts() jobs.Observer {
	return jobs.Observer{Section: func(ctx context.Context, job jobs.Job, _ string) (context.Context, func(export.Event, error)) {
		return context.WithValue(ctx, attemptKey{}, job), func(export.Event, error) {}
	}}
}

const runsFile = "runs"

// noteRun adds a line to the file of what all processes have run.
func noteRun(folder string) func(context.Context, export.Scope, string) error {
	return func(ctx context.Context, scope export.Scope, section string) error {
		job, ok := ctx.Value(attemptKey{}).(jobs.Job)
		if !ok || job.ID != scope.JobID {
			return errors.New("the section does not know its attempt")
		}
		file, err := os.OpenFile(filepath.Join(folder, runsFile), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(file, "%s %s %s %d %s\n", job.ID, section, cmp.Or(scope.Range, "all"), job.Claims, workers(job, job.Claims)[job.Claims])
		return errors.Join(err, file.Close())
	}
}

// workers are the nodes of those that work on a job: of the one that has it, which is the
// worker of that number, and of those that help with it.
func workers(job jobs.Job, own int) map[int]string {
	nodes := make(map[int]string)
	if job.Status == jobs.Processing {
		nodes[own] = job.LeaseOwner
	}
	for _, h := range job.Helpers {
		nodes[h.Worker] = h.Node
	}
	return nodes
}

// readRuns returns what all processes have run, in the order in which it began.
func readRuns(folder string) ([]run, error) {
	text, err := os.ReadFile(filepath.Join(folder, runsFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var runs []run
	for line := range strings.Lines(string(text)) {
		var r run
		if _, err := fmt.Sscan(line, &r.job, &r.section, &r.shard, &r.worker, &r.owner); err != nil {
			return nil, fmt.Errorf("%s: %q: %w", runsFile, line, err)
		}
		runs = append(runs, r)
	}
	return runs, nil
}
