package jobstest

import (
	"errors"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

// storeNextHelp has jobs that workers may help with.
func storeNextHelp(t testing.TB, s jobs.Store) {
	scheduler, ok := s.(jobs.Scheduler)
	if !ok {
		return
	}
	next := func(when string, want jobs.Want, id string) {
		t.Helper()
		got, err := scheduler.Next(t.Context(), want)
		if id == "" && !errors.Is(err, export.ErrNotFound) || id != "" && (err != nil || got != id) {
			t.Errorf("%s Next gives %q, %v, want %q", when, got, err, id)
		}
	}
	offered := createOf(t, s, kittest.OurOrg, 1, nil).ID
	offer := func(alter func(j *jobs.Job)) {
		update(t, s, offered, func(now time.Time, j *jobs.Job) {
			j.Status, j.Attempt, j.SharedBy, j.LeaseUntil = jobs.Processing, 2, 2, now.Add(time.Hour)
			j.Shards = []jobs.Shard{{Shard: export.Shard{Section: "a"}, Worker: 2}, {Shard: export.Shard{Section: "b"}}}
			j.Helpers = nil
			if alter != nil {
				alter(j)
			}
		})
	}
	offer(nil)
	next("with a job that offers shards", jobs.Want{}, offered)
	next("with jobs that wait wanted", jobs.Want{NoHelp: true}, "")
	for when, alter := range map[string]func(*jobs.Job){
		"with an offer of an earlier attempt": func(j *jobs.Job) { j.SharedBy = 1 },
		"with shards that others have":        func(j *jobs.Job) { j.Shards[1].Worker = 3 },
		"with shards of the job's own worker": func(j *jobs.Job) { j.Shards[1].Local = true },
		"with a suspect that runs alone":      func(j *jobs.Job) { j.Suspect = 2 },
		"with sealed shards": func(j *jobs.Job) {
			j.Parts = []export.PartID{{JobID: j.ID, Section: "b", Attempt: 2}}
		},
	} {
		offer(alter)
		next(when, jobs.Want{}, "")
		offer(func(j *jobs.Job) { j.Suspect, j.Parts = 0, nil })
	}
	offer(func(j *jobs.Job) {
		j.Helpers = []jobs.Helper{{Worker: 3, Node: "node"}}
	})
	if stats, err := jobs.StatsOf(t.Context(), s); err == nil && stats.Helpers != 1 {
		t.Errorf("Stats counts %d helpers, want 1", stats.Helpers)
	}
	next("with two workers at most", jobs.Want{PerOrganization: 2}, "")
	next("with three workers at most", jobs.Want{PerOrganization: 3}, offered)
	theirs := createOf(t, s, kittest.TheirOrg, 2, nil).ID
	update(t, s, theirs, func(now time.Time, j *jobs.Job) {
		j.Status, j.LeaseUntil, j.ClaimedAt = jobs.Processing, now.Add(time.Hour), now.Add(-time.Hour)
	})
	waiting := createOf(t, s, kittest.TheirOrg, 3, nil).ID
	next("with more workers of the one", jobs.Want{}, waiting)
	update(t, s, waiting, func(now time.Time, j *jobs.Job) {
		j.Status, j.LeaseUntil, j.ClaimedAt = jobs.Processing, now.Add(time.Hour), now.Add(-time.Minute)
	})
	createOf(t, s, kittest.TheirOrg, 4, nil)
	next("with as many workers of both", jobs.Want{}, offered)
}
