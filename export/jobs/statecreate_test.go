package jobs

import (
	"testing"
	"time"
)

// TestStateCreate labels a job with its second, and a retry with that of the job
// that it retries.
func TestStateCreate(t *testing.T) {
	now := stateNow.Add(999 * time.Millisecond)
	var fresh Job
	stateRules.create(now, &fresh)
	if fresh.Status != Pending || !fresh.CreatedAt.Equal(now) || !fresh.AsOf.Equal(stateNow) || !fresh.LeaseUntil.Equal(now.Add(stateRules.lease)) {
		t.Errorf("a new job is %+v", fresh)
	}
	retry := Job{RetryOf: "job", AsOf: at(-time.Hour)}
	stateRules.create(now, &retry)
	if !retry.AsOf.Equal(at(-time.Hour)) {
		t.Errorf("a retry is labelled with %v", retry.AsOf)
	}
}
