package jobs

import (
	"errors"
	"testing"
	"time"
)

// TestShorten has leases that end when they can, and later.
func TestShorten(t *testing.T) {
	const lease, pause = 10 * time.Second, 10 * time.Second << 8 // the longest after a failure
	for _, c := range []struct {
		name    string
		job     Job
		shorter bool
	}{
		{"processing", inState(processing(lease)), false},
		{"processing, too long", inState(processing(lease + 1)), true},
		{"waiting", inState(pending(lease)), false},
		{"waiting, too long", inState(pending(5 * time.Hour)), true},
		{"put off", inState(and(pending(pause), putOff)), false},
		{"put off, too long", inState(and(pending(pause+1), putOff)), true},
		{"over", inState(processing(-time.Second)), false},
		{"completed", inState(completed(5*time.Hour, 5*time.Hour)), false},
		{"failed", inState(failed), false},
	} {
		want := c.job.Clone()
		if c.shorter {
			want.LeaseUntil = at(lease)
		}
		steps, err := stateRules.shorten(stateNow, &c.job)
		if (err == nil) != c.shorter || err != nil && !errors.Is(err, errNothingToDo) || steps != nil {
			t.Errorf("%s: %v, %v", c.name, steps, err)
		}
		if !c.job.LeaseUntil.Equal(want.LeaseUntil) || c.job.Status != want.Status || c.job.Attempt != want.Attempt || c.job.Failures != want.Failures {
			t.Errorf("%s: it becomes %+v", c.name, c.job)
		}
	}
}
