package jobs_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

// promised returns the keys of a job that two sections were asked for.
func promised(required bool) func(*jobs.Job) {
	return func(j *jobs.Job) { j.Keys = []jobs.SectionKey{{Key: "a"}, {Key: "b", Required: required}} }
}

// TestRollingRestart has an old process that lacks a section until a new one comes.
func TestRollingRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(2)
		old, stopOld := context.WithCancel(t.Context())
		ctx, stop := context.WithCancel(t.Context())
		ends := make(chan struct{}, 2)
		run := func(ctx context.Context, keys ...string) {
			w.process(ctx, t, func(func()) []export.Section {
				var sections []export.Section
				for _, key := range keys {
					sections = append(sections, fine(key))
				}
				return sections
			})
			ends <- struct{}{}
		}
		go run(old, "a")
		job := w.request(t, organization(0), promised(true))
		other := w.request(t, organization(1), nil)
		if got := w.await(t, other); got.Status != jobs.Completed {
			t.Errorf("a job that the old process can export is %s", got.Status)
		}
		time.Sleep(5 * time.Minute)
		go run(ctx, "a", "b")
		time.Sleep(time.Minute)
		stopOld()
		<-ends
		got := w.await(t, job)
		if got.Status != jobs.Completed || got.Attempt != 1 || got.Failures != 0 || !got.UnableSince.IsZero() {
			t.Errorf("the job is %s after %d attempts and %d failures: %s", got.Status, got.Attempt, got.Failures, got.Error)
		}
		for _, r := range got.Results {
			if r.Status != export.StatusOK {
				t.Errorf("section %s is %s", r.Key, r.Status)
			}
		}
		stop()
		<-ends
	})
}

// TestSectionThatIsGone has no process with all sections of a job.
func TestSectionThatIsGone(t *testing.T) {
	for _, required := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(2)
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				w.process(ctx, t, func(func()) []export.Section { return []export.Section{fine("a"), fine("c")} })
			}()
			began := time.Now()
			got := w.await(t, w.request(t, organization(0), promised(required)))
			if waited := time.Since(began); waited < 15*time.Minute || waited > 17*time.Minute {
				t.Errorf("it ended after %v", waited)
			}
			if required {
				want := `The required section "b" could not be exported: ` + export.AbsentText
				if got.Status != jobs.Failed || got.Error != want {
					t.Errorf("the job is %s: %s", got.Status, got.Error)
				}
			} else {
				var inventory []string
				for _, r := range got.Results {
					inventory = append(inventory, r.Key+" "+string(r.Status))
				}
				if want := []string{"a ok", "b error"}; got.Status != jobs.Completed || !slices.Equal(inventory, want) {
					t.Errorf("the job is %s with %q, want %q", got.Status, inventory, want)
				}
			}
			stop()
			<-done
		})
	}
}

// TestKeys looks at what jobs are to make.
func TestKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, func(c *jobs.Config) {
			c.Engine = engine(t, func(c *export.Config) {
				c.Options = map[string]export.SectionOptions{"b": {Required: true}}
			}, fine("b"), fine("a"), fine("c"))
		}, fine("a"))
		job := n.create(t, jobs.Request{})
		if want := []jobs.SectionKey{{Key: "b", Required: true}, {Key: "a"}, {Key: "c"}}; !slices.Equal(job.Keys, want) {
			t.Errorf("a job of all sections has the keys %v, want %v", job.Keys, want)
		}
		job = n.create(t, jobs.Request{Sections: []string{"c", "b"}})
		if want := []jobs.SectionKey{{Key: "b", Required: true}, {Key: "c"}}; !slices.Equal(job.Keys, want) {
			t.Errorf("a job of two sections has the keys %v, want %v", job.Keys, want)
		}
	})
}
