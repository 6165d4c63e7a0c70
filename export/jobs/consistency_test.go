package jobs_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/archive/archivetest"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

// withLevel gives the engine of a node a level of consistency.
func withLevel(t *testing.T, level export.ConsistencyLevel, sections ...export.Section) *node {
	t.Helper()
	return newNode(t, nil, sections...).reconfigured(t, func(c *export.Config) { c.Consistency = level }, sections...)
}

// read returns what the archive of a job has of a vault, and whether it says that it is of
// one moment.
func (n *node) read(t *testing.T, job jobs.Job, keys ...string) (numbers string, consistent bool) {
	t.Helper()
	for name, content := range archivetest.Unpack(t, "zip", n.archive(t, job)) {
		for _, key := range keys {
			if strings.HasSuffix(name, "/"+key+"/second.json") {
				numbers += key + strings.Trim(content, "{}\n")
			}
		}
		if strings.HasSuffix(name, "/manifest.yaml") {
			m, err := export.ParseManifest([]byte(content))
			if err != nil {
				t.Fatal(err)
			}
			consistent = m.Consistency.Consistent
		}
	}
	return numbers, consistent
}

// A worker was killed when it had sealed one of two sections, and the data has changed before
// another one takes over.
func TestTakeoverAtAnotherMoment(t *testing.T) {
	for level, want := range map[export.ConsistencyLevel]struct {
		runs       int64
		numbers    [2]string
		consistent bool
	}{
		export.ConsistencyBest:     {1, [2]string{`"number":0`, `"number":5`}, false},
		export.ConsistencyRequired: {2, [2]string{`"number":5`, `"number":5`}, true},
	} {
		t.Run(string(level), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var ran atomic.Int64
				v := new(kittest.Vault)
				n := withLevel(t, level, kittest.Reads("a", v, func(context.Context) error {
					ran.Add(1)
					return nil
				}), kittest.Reads("b", v, nil))
				job := n.create(t, jobs.Request{})
				n.seal(t, job, 1, "a")
				v.Add(5)
				time.Sleep(time.Minute)
				n.work(t)
				done := n.get(t, job)
				for i, key := range []string{"a", "b"} {
					if got, consistent := n.read(t, done, key); got != key+want.numbers[i] || consistent != want.consistent {
						t.Errorf("%s: %s, consistent %v, want %s, %v", key, got, consistent, want.numbers[i], want.consistent)
					}
				}
				if ran.Load() != want.runs || len(done.Parts) != 2 {
					t.Errorf("the sealed section ran %d times, want %d; the parts are %v", ran.Load(), want.runs, done.Parts)
				}
			})
		})
	}
}

// A snapshot that dies in every attempt fails the job in the end, and says why. One that is too
// old fails it at once. With best neither does.
func TestRequiredFails(t *testing.T) {
	const lost, often = "The data could not be read as of one point in time.", " The export failed too often. Please contact support."
	for _, c := range []struct {
		name, text string
		step       func(v *kittest.Vault) func(context.Context) error
		attempts   int
	}{
		{"lost", lost + often, func(v *kittest.Vault) func(context.Context) error {
			return func(context.Context) error {
				v.Kill()
				return nil
			}
		}, 6},
		{"too old", "The data could not be read as of one point in time: that took longer than 30m0s.", func(*kittest.Vault) func(context.Context) error {
			return kittest.Wait(31 * time.Minute)
		}, 1},
	} {
		for _, level := range []export.ConsistencyLevel{export.ConsistencyRequired, export.ConsistencyBest} {
			t.Run(fmt.Sprint(c.name, " ", level), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					v := new(kittest.Vault)
					n := withLevel(t, level, kittest.Reads("a", v, c.step(v)), kittest.Reads("b", v, nil))
					job := n.settle(t, n.create(t, jobs.Request{}))
					if level == export.ConsistencyBest {
						if _, consistent := n.read(t, job); job.Status != jobs.Completed || consistent {
							t.Errorf("the job is %+v, and consistent %v", job, consistent)
						}
						return
					}
					if job.Status != jobs.Failed || job.Error != c.text || job.Attempt != c.attempts {
						t.Errorf("the job is %s after %d attempts: %s\nwant %d: %s", job.Status, job.Attempt, job.Error, c.attempts, c.text)
					}
				})
			})
		}
	}
}
