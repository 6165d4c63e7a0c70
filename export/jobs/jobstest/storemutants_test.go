package jobstest

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

type broken = *brokenStore

func TestStoreMutants(t *testing.T) {
	kittest.TestMutants(t, storePromises, breakStore, slices.Concat(createMutants(), findMutants(), archivesMutants(), updateMutants()))
}

func TestForgetfulStores(t *testing.T) {
	kittest.TestForgotten(t, storePromises, func(forget func(*jobs.Job)) jobs.Store {
		return breakStore(func(s broken) { s.out = forget })
	})
}

// TestStoresWrongAboutAField proves that the test of Update sees each field: one
// that is not stored, and one of the request that is.
func TestStoresWrongAboutAField(t *testing.T) {
	request := []string{"ID", "Organization", "Format", "Sections", "RetryOf", "CreatedAt"}
	for field := range reflect.TypeFor[jobs.Job]().Fields() {
		s := breakStore(func(s broken) {
			s.update = func(id string, change changer) (jobs.Job, error) {
				wrong := s.row(id)
				j, err := s.MemStore.Update(context.Background(), id, func(now time.Time, j *jobs.Job) error {
					err := change(now, j)
					if slices.Contains(request, field.Name) {
						wrong = j.Clone()
					}
					return err
				})
				reflect.ValueOf(&j).Elem().FieldByIndex(field.Index).Set(reflect.ValueOf(wrong).FieldByIndex(field.Index))
				return j, err
			}
		})
		if got := kittest.Findings(t, storePromises, "UpdatesAllButTheRequest", s); !strings.Contains(got, "Update: "+field.Name) {
			t.Errorf("of an Update that is wrong about %s the kit says %q", field.Name, got)
		}
	}
}

func nothing() {}

func every(jobs.Job) bool        { return true }
func ended(j jobs.Job) bool      { return !j.Status.InFlight() }
func processing(j jobs.Job) bool { return j.Status == jobs.Processing }
func completed(j jobs.Job) bool  { return j.Status == jobs.Completed }
func theirs(j jobs.Job) bool     { return j.Organization.ID == kittest.TheirOrg }

func createMutants() []kittest.Mutant[broken] {
	never := func(_, _ jobs.Job) bool { return false }
	same := func(old, j jobs.Job) bool { return old.Status.InFlight() && old.SameRequest(j) }
	alike := func(alter func(j *jobs.Job)) func(broken) {
		return looks(func(old, j jobs.Job) bool {
			alter(&old)
			alter(&j)
			return same(old, j)
		}, nothing)
	}
	out := func(change func(j *jobs.Job)) func(broken) { return func(s broken) { s.out = change } }
	// uses adds to the usage for each of some jobs.
	uses := func(are func(jobs.Job) bool, inFlight, day int) func(broken) {
		return func(s broken) {
			s.usage = func(u *jobs.Usage) {
				n := len(s.those(are))
				u.InFlight, u.Day = u.InFlight+int64(n*inFlight), u.Day+int64(n*day)
			}
		}
	}
	return []kittest.Mutant[broken]{
		{"CreatesWhatTheFunctionMakes", func(s broken) { s.Now = func() time.Time { return time.Time{} } }, "no time"},
		{"EveryFieldSurvives", out(func(j *jobs.Job) { j.Requester = "" }), "Requester"},
		{"NothingIsAdded", out(func(j *jobs.Job) { j.PurgeAt = j.PurgeAt.AddDate(1969, 0, 0) }), "PurgeAt is 1970"},
		{"InstantsAreInUTCAndMilliseconds", out(func(j *jobs.Job) { j.AsOf = j.AsOf.In(time.FixedZone("", 3600)) }), "want it in UTC"},
		{"InstantsAreInUTCAndMilliseconds", out(func(j *jobs.Job) { j.ExpiresAt = j.ExpiresAt.Add(time.Microsecond) }), "want whole milliseconds"},
		{"InstantsAreInUTCAndMilliseconds", out(func(j *jobs.Job) { j.CreatedAt = j.CreatedAt.Truncate(time.Second) }), "is stored"},
		{"EmptySlicesAreNil", out(func(j *jobs.Job) { j.Parts = append([]export.PartID{}, j.Parts...) }), "want nil"},
		{"NoTwoOfARequestInFlight", looks(func(old, j jobs.Job) bool { return !processing(old) && same(old, j) }, nothing), "want the job in flight"},
		{"NoTwoOfARequestInFlight", looks(jobs.Job.SameRequest, nothing), "want a new job"},
		{"OtherRequestsAreSeparate", alike(func(j *jobs.Job) { j.Format = "" }), "want a new job"},
		{"OtherRequestsAreSeparate", alike(func(j *jobs.Job) { j.RetryOf = "" }), "want a new job"},
		{"OtherRequestsAreSeparate", alike(func(j *jobs.Job) { j.Organization.ID = "" }), "want a new job"},
		{"OtherRequestsAreSeparate", alike(func(j *jobs.Job) { j.Sections = []string{strings.Join(j.Sections, "_")} }), "want a new job"},
		{"NoIDTwice", looks(same, nothing), "want an error"},
		{"NoJobOfAnotherOrganization", looks(same, nothing), "want an error"},
		{"FailedCreateStoresNothing", looks(same, nothing), "there are 2"},
		{"FailedCreateStoresNothing", func(s broken) { s.err = wrapped }, "as it is"},
		{"JobInFlightThoughCreateFails", looks(never, nothing), "want the job in flight"},
		{"ConcurrentCreates", func(s broken) { looks(same, kittest.NewPair().Arrive)(s) }, "want one"},
		{"ConcurrentRequests", looks(func(_, _ jobs.Job) bool { return true }, nothing), "want a new job"},
		{"ConcurrentUse", func(s broken) {
			looks(never, nothing)(s)
			s.update = func(id string, _ changer) (jobs.Job, error) { return s.row(id), nil }
		}, "jobs of one request are in flight"},
		{"UsageOfJobsInFlight", uses(every, -1, 0), "0 jobs are in flight"},
		{"UsageOfJobsInFlight", uses(processing, -1, 0), "2 jobs are in flight"},
		{"UsageOfJobsInFlight", uses(completed, 1, 0), "4 jobs are in flight"},
		{"UsageOfTheDay", uses(func(j jobs.Job) bool { return j.Status == jobs.Failed }, 0, 1), "4 of the day, want 1 and 3"},
		{"UsageOfTheDay", uses(func(j jobs.Job) bool { return time.Since(j.CreatedAt) > 24*time.Hour }, 0, 1), "6 of the day"},
		{"UsageOfTheDay", func(s broken) { s.usage = func(u *jobs.Usage) { u.Oldest = u.Oldest.Add(time.Minute) } }, "Oldest is"},
		{"UsageOfOneOrganization", uses(theirs, 1, 1), "want 3 jobs"},
		{"ConcurrentUsage", func(s broken) { s.usage = func(u *jobs.Usage) { *u = jobs.Usage{} } }, "want 5 and 11"},
	}
}

func findMutants() []kittest.Mutant[broken] {
	ours := func(j jobs.Job, organizationID string) bool { return j.Organization.ID == organizationID }
	newest := func(a, b jobs.Job) int { return b.CreatedAt.Compare(a.CreatedAt) }
	// without and with take from what is stale, and add to it.
	without := func(are func(jobs.Job) bool) func(broken) {
		return func(s broken) {
			s.stale = func(stale []jobs.Job, _ int) []jobs.Job { return slices.DeleteFunc(stale, are) }
		}
	}
	with := func(are func(jobs.Job) bool) func(broken) {
		return func(s broken) {
			s.stale = func(stale []jobs.Job, _ int) []jobs.Job { return append(stale, s.all(are)...) }
		}
	}
	count := func(s broken, are func(jobs.Job) bool) int64 { return int64(len(s.all(are))) }
	stats := func(change func(s broken, stats *jobs.Stats)) func(broken) {
		return func(s broken) { s.stats = func(stats *jobs.Stats) { change(s, stats) } }
	}
	next := func(change func(j *jobs.Job)) func(broken) { return func(s broken) { s.next = change } }
	parts := func(change func(j *jobs.Job)) func(broken) { return func(s broken) { s.parts = change } }
	leases := func(change func(j *jobs.Job)) func(broken) { return func(s broken) { s.leases = change } }
	return []kittest.Mutant[broken]{
		{"ListsNewestFirst", lists(ours, func(a, b jobs.Job) int { return -newest(a, b) }), "want"},
		{"ListsPages", lists(ours, func(a, b jobs.Job) int { return cmp.Or(newest(a, b), b.Attempt-a.Attempt) }), "together are"},
		{"ListsOneOrganization", lists(func(jobs.Job, string) bool { return true }, newest), "want all 3"},
		{"ListsOneOrganization", lists(func(j jobs.Job, o string) bool { return strings.EqualFold(j.Organization.ID, o) }, newest), "want all 3"},
		{"NotFound", func(s broken) {
			s.get = func(_, id string) (jobs.Job, error) { return s.MemStore.Get(context.Background(), kittest.OurOrg, id) }
		}, "want ErrNotFound"},
		{"NotFound", func(s broken) { // tells whose it is
			s.get = func(_, id string) (jobs.Job, error) {
				return jobs.Job{}, fmt.Errorf("%w in %q", export.ErrNotFound, s.row(id).Organization.ID)
			}
		}, "errors tell"},
		{"NotFound", func(s broken) { s.err = opaque }, "want ErrNotFound"},

		{"Stale", without(ended), "completed"},
		{"Stale", without(func(j jobs.Job) bool { return j.LeaseUntil.IsZero() && j.PurgeAt.IsZero() }), "a pending job, lease 0s"},
		{"Stale", with(func(j jobs.Job) bool { return ended(j) && j.PurgeAt.IsZero() }), "a completed job, lease 0s and purge 0s"},
		{"StaleInOrder", func(s broken) {
			s.stale = func(stale []jobs.Job, _ int) []jobs.Job {
				return slices.SortedFunc(slices.Values(stale), func(a, b jobs.Job) int { return a.LeaseUntil.Compare(b.LeaseUntil) })
			}
		}, "waited longest"},
		{"StaleHasALimit", without(completed), "Stale(1) gives"},
		{"StaleForgets", with(func(j jobs.Job) bool { return j.LeaseUntil.After(time.Now()) }), "still gives"},
		{"StaleSeesAllOrganizations", without(theirs), "want a job of each"},

		{"StatsCountJobsInFlight", stats(func(s broken, stats *jobs.Stats) { stats.Pending += count(s, completed) }), "with ended jobs only"},
		{"StatsCountJobsInFlight", stats(func(s broken, stats *jobs.Stats) { stats.Processing = min(stats.Processing, 1) }), "want 0 and 2"},
		{"StatsCountJobsInFlight", stats(func(s broken, stats *jobs.Stats) { stats.Oldest = time.Hour }), "Stats says"},

		{"Marks", func(s broken) { s.err = opaque }, "before Mark gives"},
		{"Marks", func(s broken) { s.marks = func(string) (bool, string) { return true, "" } }, "of another name"},
		{"Marks", func(s broken) { s.marks = func(name string) (bool, string) { return false, name } }, "changes nothing"},

		{"NextInFairOrder", next(func(j *jobs.Job) { j.PutOff = false }), "with none that waits"},
		{"NextInFairOrder", next(func(j *jobs.Job) { j.CreatedAt = kittest.SomeTime() }), "of jobs that wait"},
		{"NextInFairOrder", next(func(j *jobs.Job) { j.Organization.ID = "" }), "with one of the other organization"},
		{"NextInFairOrder", next(func(j *jobs.Job) { j.Priority = 0 }), "with one of priority"},
		{"NextInFairOrder", next(func(j *jobs.Job) { j.ClaimedAt = time.Time{} }), "whose turn was longer ago"},
		{"NextInFairOrder", func(s broken) { s.err = opaque }, "want ErrNotFound"},
		{"RemoveEnded", func(s broken) { s.ended = func(j *jobs.Job) { j.PurgeAt = time.Time{} } }, "RemoveEnded of 10 gives"},
		{"RemoveEnded", func(s broken) { s.ended = func(j *jobs.Job) { j.FinishedAt = kittest.SomeTime() } }, "RemoveEnded of 10 gives"},
		{"NextAfterTheClockWasPutBack", next(func(j *jobs.Job) {
			if j.ClaimedAt.After(time.Now()) {
				j.ClaimedAt = time.Now().Add(-time.Millisecond)
			}
		}), "Next gives"},
		{"LeasesBeyond", leases(func(j *jobs.Job) { j.PutOff = false }), "LeasesBeyond of 1 gives"},
		{"LeasesBeyond", leases(func(j *jobs.Job) { j.Status = jobs.Processing }), "LeasesBeyond of 10 gives"},
		{"LeasesBeyond", leases(func(j *jobs.Job) { j.LeaseUntil = j.LeaseUntil.Add(time.Hour) }), "LeasesBeyond of 10 gives"},
		{"PartsInUse", parts(func(j *jobs.Job) { j.Status = jobs.Pending }), "after the retries"},
		{"PartsInUse", parts(func(j *jobs.Job) { j.ID = "" }), "with parts of their own"},
		{"PartsInUse", parts(func(j *jobs.Job) {
			if processing(*j) {
				j.Parts = nil
			}
		}), "with two retries"},
		{"PartsInUse", parts(func(j *jobs.Job) { // by the job that is retried only
			j.Parts = slices.DeleteFunc(j.Parts, func(id export.PartID) bool { return id.JobID != j.RetryOf && id.JobID != j.ID })
		}), "with two retries"},
		{"PartsInUse", parts(func(j *jobs.Job) {
			for _, id := range j.Parts {
				j.Parts = append(j.Parts, export.PartID{JobID: id.Section})
			}
		}), "of job 5"},
		{"NextThatIsWanted", next(func(j *jobs.Job) { j.Suspect = 0 }), "without suspects"},
		{"NextToHelp", next(func(j *jobs.Job) { j.Shards = nil }), "with a job that offers shards"},
		{"NextToHelp", next(func(j *jobs.Job) { j.SharedBy = j.Attempt }), "with an offer of an earlier attempt"},
		{"NextToHelp", next(func(j *jobs.Job) { j.Helpers = nil }), "with more workers of the one"},
		{"NextToHelp", stats(func(_ broken, stats *jobs.Stats) { stats.Helpers = 0 }), "0 helpers"},
		{"NextThatIsWanted", next(func(j *jobs.Job) { j.Organization.ID = kittest.TheirOrg }), "of others"},
	}
}

func updateMutants() []kittest.Mutant[broken] {
	deaf := func(s broken) { s.deaf = true }
	return []kittest.Mutant[broken]{
		{"UpdatesAllButTheRequest", overwrites(nothing), "Format is"},
		{"FailedUpdateStoresNothing", overwrites(nothing), "Attempt is"},
		{"FailedUpdateStoresNothing", func(s broken) { s.err = wrapped }, "as it is"},
		{"UpdateOfNoJob", overwrites(nothing), "change is called"},
		{"NoSecondInFlightByUpdate", overwrites(nothing), "makes a second job"},
		{"ConcurrentUpdates", func(s broken) { overwrites(kittest.NewPair().Arrive)(s) }, "after 256 updates"},
		{"SharesNoMemory", func(s broken) {
			s.get = func(_, id string) (jobs.Job, error) { return s.row(id), nil }
		}, "Get: "},
		{"CancelledContext", func(s broken) { s.err = opaque }, "Get with"},
		{"CancelledContext", deaf, "Create with & Get with & List with & Update with & Stale with"},
		{"StatsOfACancelledContext", deaf, "Stats with"},
		{"MarksOfACancelledContext", deaf, "Mark with & Marked with"},
		{"NextOfACancelledContext", deaf, "Next with"},
		{"PartsInUseOfACancelledContext", deaf, "PartsInUse with"},
		{"ClockGoesForward", func(s broken) {
			var ticks atomic.Int64
			s.Now = func() time.Time { return kittest.SomeTime().Add(-time.Duration(ticks.Add(1)) * time.Millisecond) }
		}, "the clock goes from"},
		{"ClockGoesForward", func(s broken) { s.stale = func([]jobs.Job, int) []jobs.Job { return nil } }, "Stale gives"},
	}
}
