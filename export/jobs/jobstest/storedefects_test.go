package jobstest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

func TestForgetfulStores(t *testing.T) {
	kittest.TestForgotten(t, storePromises, mangling)
	kept := []string{"ID", "Format", "Sections", "RetryOf", "CreatedAt"}
	for field := range reflect.TypeFor[jobs.Job]().Fields() {
		get := func(j *jobs.Job) reflect.Value { return reflect.ValueOf(j).Elem().FieldByIndex(field.Index) }
		// It forgets to store a field that changes, or stores one that never does.
		s := updating(func(m *MemStore, id string, change func(time.Time, *jobs.Job) error) (jobs.Job, error) {
			var changed jobs.Job
			old, _ := m.row(id)
			j, err := m.Update(context.Background(), id, func(now time.Time, j *jobs.Job) error {
				err := change(now, j)
				changed = j.Clone()
				return err
			})
			if slices.Contains(kept, field.Name) || field.Name == "Organization" {
				get(&j).Set(get(&changed))
			} else {
				get(&j).Set(get(&old))
			}
			return j, err
		})
		if got := kittest.Findings(t, storePromises, "UpdatesAllButTheRequest", s); !strings.Contains(got, "Update: "+field.Name) {
			t.Errorf("of an Update that is wrong about %s the kit says %q", field.Name, got)
		}
	}
}

func TestBrokenStores(t *testing.T) {
	kittest.TestDefects(t, storePromises, slices.Concat(brokenCreates(), brokenLists(), brokenUpdates(), brokenStale(), brokenStats(), brokenNext(), brokenUsage(), deafStores()))
}

func brokenCreates() []kittest.Defect[jobs.Store] {
	same := func(old, j jobs.Job) bool { return old.Status.InFlight() && old.SameRequest(j) }
	except := func(alter func(j *jobs.Job)) jobs.Store {
		return lookingFor(func(old, j jobs.Job) bool {
			alter(&old)
			alter(&j)
			return same(old, j)
		}, nothing)
	}
	zone := time.FixedZone("", 3600)
	return []kittest.Defect[jobs.Store]{
		{"no now", "CreatesWhatTheFunctionMakes", "no time", breakStore(func(m *MemStore, _ *brokenStore) {
			m.Now = func() time.Time { return time.Time{} }
		})},
		{"zero of another epoch", "NothingIsAdded", "PurgeAt is 1970", mangling(func(j *jobs.Job) {
			if j.PurgeAt.IsZero() {
				j.PurgeAt = time.UnixMilli(0).UTC()
			}
		})},
		{"instants elsewhere", "InstantsAreInUTCAndMilliseconds", "want it in UTC",
			mangling(func(j *jobs.Job) { j.AsOf = j.AsOf.In(zone) })},
		{"microseconds", "InstantsAreInUTCAndMilliseconds", "want whole milliseconds",
			mangling(func(j *jobs.Job) { j.ExpiresAt = j.ExpiresAt.Add(time.Microsecond) })},
		{"seconds", "InstantsAreInUTCAndMilliseconds", "is stored",
			mangling(func(j *jobs.Job) { j.CreatedAt = j.CreatedAt.Truncate(time.Second) })},
		{"empty for nil", "EmptySlicesAreNil", "want nil", mangling(func(j *jobs.Job) {
			if j.Parts == nil {
				j.Parts = []export.PartID{}
			}
		})},
		{"jobs of a request side by side", "NoTwoOfARequestInFlight", "want the job in flight",
			lookingFor(func(_, _ jobs.Job) bool { return false }, nothing)},
		{"only those that are pending", "NoTwoOfARequestInFlight", "want the job in flight",
			lookingFor(func(old, j jobs.Job) bool { return old.Status == jobs.Pending && same(old, j) }, nothing)},
		{"a request only once", "NoTwoOfARequestInFlight", "want a new job",
			lookingFor(jobs.Job.SameRequest, nothing)},
		{"formats alike", "OtherRequestsAreSeparate", "want a new job", except(func(j *jobs.Job) { j.Format = "" })},
		{"retries alike", "OtherRequestsAreSeparate", "want a new job", except(func(j *jobs.Job) { j.RetryOf = "" })},
		{"organizations alike", "OtherRequestsAreSeparate", "want a new job", except(func(j *jobs.Job) { j.Organization.ID = "" })},
		{"sections joined", "OtherRequestsAreSeparate", "want a new job",
			except(func(j *jobs.Job) { j.Sections = []string{strings.Join(j.Sections, "_")} })},
		{"job replaced", "NoIDTwice", "want an error", lookingFor(same, nothing)},
		{"check, then insert", "ConcurrentCreates", "want one", lookingFor(same, kittest.NewPair().Arrive)},
		{"busy", "ConcurrentRequests", "busy", busyStore()},
		{"busy", "ConcurrentUse", "busy", busyStore()},
		{"forgets", "EveryFieldSurvives", "Requester", mangling(func(j *jobs.Job) { j.Requester = "" })},
	}
}

// busyStore fails when it is asked by two at once.
func busyStore() jobs.Store {
	return breakStore(func(m *MemStore, s *brokenStore) {
		var use sync.Mutex
		p := kittest.NewPair()
		s.create = func(ctx context.Context, o string, create creator) (jobs.Job, bool, error) {
			free := use.TryLock()
			p.Arrive()
			if !free {
				return jobs.Job{}, false, errors.New("database is busy")
			}
			defer use.Unlock()
			return m.Create(ctx, o, create)
		}
	})
}

func brokenLists() []kittest.Defect[jobs.Store] {
	// sorted lists by an order of its own.
	sorted := func(less func(a, b jobs.Job) int) jobs.Store {
		return listing(func(m *MemStore, organizationID string, page jobs.Page) ([]jobs.Job, int64) {
			all, total, _ := m.List(context.Background(), organizationID, jobs.Page{Number: 1, Size: 1000})
			slices.SortStableFunc(all, less)
			all = all[min(len(all), (page.Number-1)*page.Size):]
			return all[:min(len(all), page.Size)], total
		})
	}
	newest := func(a, b jobs.Job) int { return b.CreatedAt.Compare(a.CreatedAt) }
	return []kittest.Defect[jobs.Store]{
		{"oldest first", "ListsNewestFirst", "want", sorted(func(a, b jobs.Job) int { return -newest(a, b) })},
		{"by id", "ListsNewestFirst", "want", sorted(func(a, b jobs.Job) int { return strings.Compare(b.ID, a.ID) })},
		{"those changed last first", "ListsPages", "together are",
			sorted(func(a, b jobs.Job) int {
				if c := newest(a, b); c != 0 {
					return c
				}
				return b.Attempt - a.Attempt
			})},
		{"any order", "ListsPages", "together are",
			sorted(func(a, b jobs.Job) int {
				if c := newest(a, b); c != 0 {
					return c
				}
				return rand.IntN(3) - 1
			})},
		{"pages from 0", "ListsPages", "jobs", listing(func(m *MemStore, organizationID string, page jobs.Page) ([]jobs.Job, int64) {
			page.Number++
			found, total, _ := m.List(context.Background(), organizationID, page)
			return found, total
		})},
		{"total of the page", "ListsPages", "says that there are", listing(func(m *MemStore, organizationID string, page jobs.Page) ([]jobs.Job, int64) {
			found, _, _ := m.List(context.Background(), organizationID, page)
			return found, int64(len(found))
		})},
		{"all organizations", "ListsOneOrganization", "want all 3", listing(func(m *MemStore, _ string, _ jobs.Page) ([]jobs.Job, int64) {
			found := m.those(func(jobs.Job) bool { return true })
			return found, int64(len(found))
		})},
		{"organizations without case", "ListsOneOrganization", "want all 3", listing(func(m *MemStore, organizationID string, _ jobs.Page) ([]jobs.Job, int64) {
			found := m.those(func(j jobs.Job) bool { return strings.EqualFold(j.Organization.ID, organizationID) })
			return found, int64(len(found))
		})},
		{"total of all organizations", "ListsOneOrganization", "want all 3", listing(func(m *MemStore, organizationID string, page jobs.Page) ([]jobs.Job, int64) {
			found, _, _ := m.List(context.Background(), organizationID, page)
			return found, int64(len(m.jobs))
		})},
		{"jobs of everybody", "NotFound", "want ErrNotFound", breakStore(func(m *MemStore, s *brokenStore) {
			s.get = func(_ context.Context, _, jobID string) (jobs.Job, error) {
				if j, ok := m.row(jobID); ok {
					return j, nil
				}
				return jobs.Job{}, export.ErrNotFound
			}
		})},
		{"tells what is there", "NotFound", "errors tell", breakStore(func(m *MemStore, s *brokenStore) {
			s.get = func(ctx context.Context, organizationID, jobID string) (jobs.Job, error) {
				j, err := m.Get(ctx, organizationID, jobID)
				if _, ok := m.row(jobID); ok && err != nil {
					err = fmt.Errorf("of somebody else: %w", err)
				}
				return j, err
			}
		})},
		{"error of its own", "NotFound", "want ErrNotFound", breakStore(func(_ *MemStore, s *brokenStore) {
			s.get = func(context.Context, string, string) (jobs.Job, error) { return jobs.Job{}, errors.New("no rows") }
		})},
	}
}

func brokenUpdates() []kittest.Defect[jobs.Store] {
	return []kittest.Defect[jobs.Store]{
		{"lets the format change", "UpdatesAllButTheRequest", "Format is",
			updating(func(m *MemStore, id string, change func(time.Time, *jobs.Job) error) (jobs.Job, error) {
				j, _ := m.row(id)
				err := change(time.Now(), &j)
				j.ID = id
				m.setRow(j)
				return j, err
			})},
		{"stores what failed", "FailedUpdateStoresNothing", "Attempt is",
			updating(func(m *MemStore, id string, change func(time.Time, *jobs.Job) error) (jobs.Job, error) {
				j, _ := m.row(id)
				j = j.Clone()
				err := change(time.Now(), &j)
				m.setRow(j)
				return j, err
			})},
		{"lets a failed change at its memory", "FailedUpdateStoresNothing", "Parts is",
			updating(func(m *MemStore, id string, change func(time.Time, *jobs.Job) error) (jobs.Job, error) {
				j, _ := m.row(id)
				if err := change(time.Now(), &j); err != nil {
					return jobs.Job{}, err
				}
				m.setRow(j)
				return j, nil
			})},
		{"wraps the error", "FailedUpdateStoresNothing", "as it is",
			updating(func(m *MemStore, id string, change func(time.Time, *jobs.Job) error) (jobs.Job, error) {
				j, err := m.Update(context.Background(), id, change)
				if err != nil {
					err = fmt.Errorf("update: %w", err)
				}
				return j, err
			})},
		{"makes a job", "UpdateOfNoJob", "change is called",
			updating(func(_ *MemStore, _ string, change func(time.Time, *jobs.Job) error) (jobs.Job, error) {
				var j jobs.Job
				return j, change(time.Now(), &j)
			})},
		{"shares its memory", "SharesNoMemory", "Get: ", breakStore(func(m *MemStore, s *brokenStore) {
			s.get = func(_ context.Context, _, id string) (jobs.Job, error) {
				j, _ := m.row(id)
				return j, nil
			}
		})},
		{"keeps the job that was made", "SharesNoMemory", "Get: ", breakStore(func(m *MemStore, s *brokenStore) {
			s.create = func(ctx context.Context, o string, create creator) (jobs.Job, bool, error) {
				var made jobs.Job
				j, created, err := m.Create(ctx, o, func(now time.Time, u jobs.Usage) (_ jobs.Job, err error) {
					made, err = create(now, u)
					return made, err
				})
				if created {
					m.mu.Lock()
					defer m.mu.Unlock()
					m.jobs[made.ID] = made
				}
				return j, created, err
			}
		})},
		{"wakes a job up", "NoSecondInFlightByUpdate", "makes a second job",
			updating(func(m *MemStore, id string, change func(time.Time, *jobs.Job) error) (jobs.Job, error) {
				j, _ := m.row(id)
				err := change(time.Now(), &j)
				m.setRow(j)
				return j, err
			})},
		{"read, then write", "ConcurrentUpdates", "after 256 updates", lostUpdates()},
	}
}

func lostUpdates() jobs.Store {
	p := kittest.NewPair()
	return updating(func(m *MemStore, id string, change func(time.Time, *jobs.Job) error) (jobs.Job, error) {
		j, _ := m.row(id)
		j = j.Clone()
		p.Arrive()
		err := change(time.Now(), &j)
		m.setRow(j)
		return j, err
	})
}

func brokenStale() []kittest.Defect[jobs.Store] {
	inner := func(m *MemStore, limit int) []jobs.Job {
		found, _ := m.Stale(context.Background(), limit)
		return found
	}
	only := func(are func(jobs.Job) bool) jobs.Store {
		return finding(func(m *MemStore, limit int) []jobs.Job {
			return slices.DeleteFunc(inner(m, limit), func(j jobs.Job) bool { return !are(j) })
		})
	}
	and := func(are func(jobs.Job) bool) jobs.Store {
		return finding(func(m *MemStore, limit int) []jobs.Job { return append(inner(m, limit), m.those(are)...) })
	}
	ordered := func(by func(a, b jobs.Job) int) jobs.Store {
		return finding(func(m *MemStore, limit int) []jobs.Job {
			found := inner(m, limit)
			slices.SortFunc(found, by)
			return found
		})
	}
	var ever []jobs.Job
	return []kittest.Defect[jobs.Store]{
		{"jobs in flight only", "Stale", "completed", only(func(j jobs.Job) bool { return j.Status.InFlight() })},
		{"ended jobs only", "Stale", "processing", only(func(j jobs.Job) bool { return !j.Status.InFlight() })},
		{"leases that somebody had", "Stale", "a pending job, lease 0s", only(func(j jobs.Job) bool { return !j.LeaseUntil.IsZero() || !j.PurgeAt.IsZero() })},
		{"jobs of which nothing is kept", "Stale", "a completed job, lease 0s and purge 0s",
			and(func(j jobs.Job) bool { return !j.Status.InFlight() && j.PurgeAt.IsZero() })},
		{"leases of ended jobs", "Stale", "a completed job, lease -1h0m0s",
			and(func(j jobs.Job) bool { return !j.Status.InFlight() && j.LeaseUntil.Before(time.Now()) })},
		{"all jobs", "Stale", "lease 1h0m0s", and(func(jobs.Job) bool { return true })},
		{"order of leases", "StaleInOrder", "waited longest", ordered(func(a, b jobs.Job) int { return a.LeaseUntil.Compare(b.LeaseUntil) })},
		{"order of ids", "StaleInOrder", "waited longest", ordered(func(a, b jobs.Job) int { return strings.Compare(a.ID, b.ID) })},
		{"no limit", "StaleHasALimit", "Stale(1) gives", finding(func(m *MemStore, _ int) []jobs.Job { return inner(m, 1000) })},
		{"the last ones", "StaleHasALimit", "Stale(1) gives", finding(func(m *MemStore, limit int) []jobs.Job {
			found := inner(m, 1000)
			return found[max(0, len(found)-limit):]
		})},
		{"stale for ever", "StaleForgets", "still gives", finding(func(m *MemStore, limit int) []jobs.Job {
			if ever == nil {
				ever = inner(m, limit)
			}
			found := slices.Clone(ever)
			for i := range found {
				found[i], _ = m.row(found[i].ID)
			}
			return found
		})},
		{"one organization", "StaleSeesAllOrganizations", "want a job of each", only(func(j jobs.Job) bool { return j.Organization.ID == kittest.OurOrg })},
		{"another clock", "ClockGoesForward", "Stale gives", finding(func(m *MemStore, _ int) []jobs.Job {
			return m.those(func(j jobs.Job) bool { return j.LeaseUntil.Before(time.Now().Add(-time.Minute)) })
		})},
		{"clock that goes back", "ClockGoesForward", "the clock goes from", breakStore(func(m *MemStore, _ *brokenStore) {
			var ticks atomic.Int64
			m.Now = func() time.Time { return kittest.SomeTime().Add(-time.Duration(ticks.Add(1)) * time.Millisecond) }
		})},
		{"clock of nanoseconds", "ClockGoesForward", "want whole milliseconds", breakStore(func(m *MemStore, s *brokenStore) {
			s.create = func(ctx context.Context, o string, create creator) (jobs.Job, bool, error) {
				return m.Create(ctx, o, func(now time.Time, u jobs.Usage) (jobs.Job, error) { return create(now.Add(1), u) })
			}
		})},
	}
}

// deafStores do not hear, each in one method, that their context has ended.
func deafStores() []kittest.Defect[jobs.Store] {
	const promise = "CancelledContext"
	background := context.Background
	return []kittest.Defect[jobs.Store]{
		{"deaf Create", promise, "Create with", breakStore(func(m *MemStore, s *brokenStore) {
			s.create = func(_ context.Context, o string, create creator) (jobs.Job, bool, error) {
				return m.Create(background(), o, create)
			}
		})},
		{"deaf Get", promise, "Get with", breakStore(func(m *MemStore, s *brokenStore) {
			s.get = func(_ context.Context, o, id string) (jobs.Job, error) { return m.Get(background(), o, id) }
		})},
		{"deaf List", promise, "List with", listing(func(m *MemStore, o string, page jobs.Page) ([]jobs.Job, int64) {
			found, total, _ := m.List(background(), o, page)
			return found, total
		})},
		{"deaf Update", promise, "Update with", updating(func(m *MemStore, id string, change func(time.Time, *jobs.Job) error) (jobs.Job, error) {
			return m.Update(background(), id, change)
		})},
		{"deaf Stale", promise, "Stale with", finding(func(*MemStore, int) []jobs.Job { return nil })},
		{"own error", promise, "Get with", breakStore(func(m *MemStore, s *brokenStore) {
			s.get = func(ctx context.Context, o, id string) (jobs.Job, error) {
				j, err := m.Get(ctx, o, id)
				if errors.Is(err, context.Canceled) {
					err = errors.New("interrupted")
				}
				return j, err
			}
		})},
	}
}
