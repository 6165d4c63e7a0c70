package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
)

// warning returns the text of the one warning, or nothing.
func (n *node) warning(t *testing.T) string {
	t.Helper()
	warnings, err := n.Warnings(t.Context())
	if err != nil || len(warnings) > 1 {
		t.Fatalf("Warnings gives %v, %v", warnings, err)
	}
	if len(warnings) == 0 {
		return ""
	}
	if warnings[0].Name != "workers" {
		t.Errorf("the warning is called %q", warnings[0].Name)
	}
	return warnings[0].Text
}

// TestForgottenRun: a host that never calls Run is told so, by the log and by Warnings.
func TestForgottenRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		warnings := slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn})
		n := newNode(t, func(c *jobs.Config) { c.Logger = slog.New(warnings) }, fine("a"))
		n.create(t, jobs.Request{})
		time.Sleep(time.Minute)
		if got := n.warning(t); got != "" || log.Len() > 0 {
			t.Errorf("after a minute the warning is %q, the log %s", got, &log)
		}
		time.Sleep(time.Second)
		const want = "No worker has looked at the queue yet. Pending jobs: 1."
		if got := n.warning(t); got != want {
			t.Errorf("the warning is %q, want %q", got, want)
		}
		for i := range 3 { // within a minute
			n.create(t, jobs.Request{OrganizationID: strings.Repeat("a", 21) + string(rune('a'+i))})
		}
		if n := strings.Count(log.String(), "the job may wait for long"); n != 1 || !strings.Contains(log.String(), "has looked at the queue yet") {
			t.Errorf("the log has it %d times: %s", n, &log)
		}
	})
}

// TestWorkersAreMarked: there is no warning while any process works, also if one that does
// not is asked, and there is one a minute after the last has stopped.
func TestWorkersAreMarked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRunner()
		n := newNode(t, func(c *jobs.Config) { c.Dispatcher = r }, fine("a"))
		api := n.peer(t, fine("a"))
		time.Sleep(time.Hour)
		if api.warning(t) == "" {
			t.Error("there is no warning before anybody works")
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- n.Run(ctx) }()
		for range 100 {
			synctest.Wait()
			if got := api.warning(t); got != "" {
				t.Fatalf("the warning is %q", got)
			}
			time.Sleep(7 * time.Second)
		}
		stop()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Second)
		if got := api.warning(t); got != "" {
			t.Errorf("the warning is %q", got)
		}
		time.Sleep(11 * time.Second)
		if got := api.warning(t); !strings.HasPrefix(got, "No worker has looked at the queue for 1m") || !strings.HasSuffix(got, "s. Pending jobs: 0.") {
			t.Errorf("the warning is %q", got)
		}
	})
}

// TestWorkMarks: a queue of the host's own calls Work and not Run.
func TestWorkMarks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, nil, fine("a"))
		job := n.create(t, jobs.Request{})
		time.Sleep(time.Hour)
		if err := n.Work(t.Context(), jobs.Task{Kind: jobs.TaskExport, JobID: job.ID}); err != nil {
			t.Fatal(err)
		}
		if got := n.warning(t); got != "" {
			t.Errorf("the warning is %q", got)
		}
	})
}

// bareStore can neither mark nor count.
type bareStore struct{ jobs.Store }

// unmarked says so when it is asked.
type unmarked struct{ *jobstest.MemStore }

func (unmarked) Marked(context.Context, string) (time.Duration, error) {
	return 0, errors.ErrUnsupported
}

func TestNoWarningsWithoutMarks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, store := range []jobs.Store{bareStore{new(jobstest.MemStore)}, unmarked{new(jobstest.MemStore)}} {
			n := newNode(t, func(c *jobs.Config) { c.Store = store }, fine("a"))
			time.Sleep(time.Hour)
			if got := n.warning(t); got != "" {
				t.Errorf("the warning is %q", got)
			}
		}
	})
}
