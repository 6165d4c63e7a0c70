package exporttest

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
)

func TestForgetfulStores(t *testing.T) {
	testForgotten(t, storePromises, mangling)
	kept := []string{"ID", "Format", "Sections", "RetryOf", "CreatedAt"}
	for field := range reflect.TypeFor[export.Job]().Fields() {
		get := func(j *export.Job) reflect.Value { return reflect.ValueOf(j).Elem().FieldByIndex(field.Index) }
		// It forgets to store a field that changes, or stores one that never does.
		s := updating(func(m *MemStore, id string, change func(time.Time, *export.Job) error) (export.Job, error) {
			var changed export.Job
			old, _ := m.row(id)
			j, err := m.Update(context.Background(), id, func(now time.Time, j *export.Job) error {
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
		if got := findings(t, storePromises, "UpdatesAllButTheRequest", s); !strings.Contains(got, "Update: "+field.Name) {
			t.Errorf("of an Update that is wrong about %s the kit says %q", field.Name, got)
		}
	}
}

func TestBrokenStores(t *testing.T) {
	testDefects(t, storePromises, slices.Concat(brokenCreates(), brokenLists(), brokenUpdates(), brokenStale(), brokenStats(), brokenNext(), brokenUsage(), deafStores()))
}

func brokenCreates() []defect[export.Store] {
	same := func(old, j export.Job) bool { return old.Status.InFlight() && old.SameRequest(j) }
	except := func(alter func(j *export.Job)) export.Store {
		return lookingFor(func(old, j export.Job) bool {
			alter(&old)
			alter(&j)
			return same(old, j)
		}, nothing)
	}
	zone := time.FixedZone("", 3600)
	return []defect[export.Store]{
		{"no now", "CreatesWhatTheFunctionMakes", "no time", breakStore(func(m *MemStore, _ *brokenStore) {
			m.Now = func() time.Time { return time.Time{} }
		})},
		{"zero of another epoch", "NothingIsAdded", "PurgeAt is 1970", mangling(func(j *export.Job) {
			if j.PurgeAt.IsZero() {
				j.PurgeAt = time.UnixMilli(0).UTC()
			}
		})},
		{"instants elsewhere", "InstantsAreInUTCAndMilliseconds", "want it in UTC",
			mangling(func(j *export.Job) { j.AsOf = j.AsOf.In(zone) })},
		{"microseconds", "InstantsAreInUTCAndMilliseconds", "want whole milliseconds",
			mangling(func(j *export.Job) { j.ExpiresAt = j.ExpiresAt.Add(time.Microsecond) })},
		{"seconds", "InstantsAreInUTCAndMilliseconds", "is stored",
			mangling(func(j *export.Job) { j.CreatedAt = j.CreatedAt.Truncate(time.Second) })},
		{"empty for nil", "EmptySlicesAreNil", "want nil", mangling(func(j *export.Job) {
			if j.Parts == nil {
				j.Parts = []export.PartID{}
			}
		})},
		{"jobs of a request side by side", "NoTwoOfARequestInFlight", "want the job in flight",
			lookingFor(func(_, _ export.Job) bool { return false }, nothing)},
		{"only those that are pending", "NoTwoOfARequestInFlight", "want the job in flight",
			lookingFor(func(old, j export.Job) bool { return old.Status == export.JobPending && same(old, j) }, nothing)},
		{"a request only once", "NoTwoOfARequestInFlight", "want a new job",
			lookingFor(export.Job.SameRequest, nothing)},
		{"formats alike", "OtherRequestsAreSeparate", "want a new job", except(func(j *export.Job) { j.Format = "" })},
		{"retries alike", "OtherRequestsAreSeparate", "want a new job", except(func(j *export.Job) { j.RetryOf = "" })},
		{"organizations alike", "OtherRequestsAreSeparate", "want a new job", except(func(j *export.Job) { j.Organization.ID = "" })},
		{"sections joined", "OtherRequestsAreSeparate", "want a new job",
			except(func(j *export.Job) { j.Sections = []string{strings.Join(j.Sections, "_")} })},
		{"job replaced", "NoIDTwice", "want an error", lookingFor(same, nothing)},
		{"check, then insert", "ConcurrentCreates", "want one", lookingFor(same, newPair().arrive)},
		{"busy", "ConcurrentRequests", "busy", busyStore()},
		{"busy", "ConcurrentUse", "busy", busyStore()},
		{"forgets", "EveryFieldSurvives", "Requester", mangling(func(j *export.Job) { j.Requester = "" })},
	}
}

// busyStore fails when it is asked by two at once.
func busyStore() export.Store {
	return breakStore(func(m *MemStore, s *brokenStore) {
		var use sync.Mutex
		p := newPair()
		s.create = func(ctx context.Context, o string, create creator) (export.Job, bool, error) {
			free := use.TryLock()
			p.arrive()
			if !free {
				return export.Job{}, false, errors.New("database is busy")
			}
			defer use.Unlock()
			return m.Create(ctx, o, create)
		}
	})
}

func brokenLists() []defect[export.Store] {
	// sorted lists by an order of its own.
	sorted := func(less func(a, b export.Job) int) export.Store {
		return listing(func(m *MemStore, organizationID string, page export.Page) ([]export.Job, int64) {
			all, total, _ := m.List(context.Background(), organizationID, export.Page{Number: 1, Size: 1000})
			slices.SortStableFunc(all, less)
			all = all[min(len(all), (page.Number-1)*page.Size):]
			return all[:min(len(all), page.Size)], total
		})
	}
	newest := func(a, b export.Job) int { return b.CreatedAt.Compare(a.CreatedAt) }
	return []defect[export.Store]{
		{"oldest first", "ListsNewestFirst", "want", sorted(func(a, b export.Job) int { return -newest(a, b) })},
		{"by id", "ListsNewestFirst", "want", sorted(func(a, b export.Job) int { return strings.Compare(b.ID, a.ID) })},
		{"those changed last first", "ListsPages", "together are",
			sorted(func(a, b export.Job) int {
				if c := newest(a, b); c != 0 {
					return c
				}
				return b.Attempt - a.Attempt
			})},
		{"any order", "ListsPages", "together are",
			sorted(func(a, b export.Job) int {
				if c := newest(a, b); c != 0 {
					return c
				}
				return rand.IntN(3) - 1
			})},
		{"pages from 0", "ListsPages", "jobs", listing(func(m *MemStore, organizationID string, page export.Page) ([]export.Job, int64) {
			page.Number++
			jobs, total, _ := m.List(context.Background(), organizationID, page)
			return jobs, total
		})},
		{"total of the page", "ListsPages", "says that there are", listing(func(m *MemStore, organizationID string, page export.Page) ([]export.Job, int64) {
			jobs, _, _ := m.List(context.Background(), organizationID, page)
			return jobs, int64(len(jobs))
		})},
		{"all organizations", "ListsOneOrganization", "want all 3", listing(func(m *MemStore, _ string, _ export.Page) ([]export.Job, int64) {
			jobs := m.those(func(export.Job) bool { return true })
			return jobs, int64(len(jobs))
		})},
		{"organizations without case", "ListsOneOrganization", "want all 3", listing(func(m *MemStore, organizationID string, _ export.Page) ([]export.Job, int64) {
			jobs := m.those(func(j export.Job) bool { return strings.EqualFold(j.Organization.ID, organizationID) })
			return jobs, int64(len(jobs))
		})},
		{"total of all organizations", "ListsOneOrganization", "want all 3", listing(func(m *MemStore, organizationID string, page export.Page) ([]export.Job, int64) {
			jobs, _, _ := m.List(context.Background(), organizationID, page)
			return jobs, int64(len(m.jobs))
		})},
		{"jobs of everybody", "NotFound", "want ErrNotFound", breakStore(func(m *MemStore, s *brokenStore) {
			s.get = func(_ context.Context, _, jobID string) (export.Job, error) {
				if j, ok := m.row(jobID); ok {
					return j, nil
				}
				return export.Job{}, export.ErrNotFound
			}
		})},
		{"tells what is there", "NotFound", "errors tell", breakStore(func(m *MemStore, s *brokenStore) {
			s.get = func(ctx context.Context, organizationID, jobID string) (export.Job, error) {
				j, err := m.Get(ctx, organizationID, jobID)
				if _, ok := m.row(jobID); ok && err != nil {
					err = fmt.Errorf("of somebody else: %w", err)
				}
				return j, err
			}
		})},
		{"error of its own", "NotFound", "want ErrNotFound", breakStore(func(_ *MemStore, s *brokenStore) {
			s.get = func(context.Context, string, string) (export.Job, error) { return export.Job{}, errors.New("no rows") }
		})},
	}
}

func brokenUpdates() []defect[export.Store] {
	return []defect[export.Store]{
		{"lets the format change", "UpdatesAllButTheRequest", "Format is",
			updating(func(m *MemStore, id string, change func(time.Time, *export.Job) error) (export.Job, error) {
				j, _ := m.row(id)
				err := change(time.Now(), &j)
				j.ID = id
				m.setRow(j)
				return j, err
			})},
		{"stores what failed", "FailedUpdateStoresNothing", "Attempt is",
			updating(func(m *MemStore, id string, change func(time.Time, *export.Job) error) (export.Job, error) {
				j, _ := m.row(id)
				j = j.Clone()
				err := change(time.Now(), &j)
				m.setRow(j)
				return j, err
			})},
		{"lets a failed change at its memory", "FailedUpdateStoresNothing", "Parts is",
			updating(func(m *MemStore, id string, change func(time.Time, *export.Job) error) (export.Job, error) {
				j, _ := m.row(id)
				if err := change(time.Now(), &j); err != nil {
					return export.Job{}, err
				}
				m.setRow(j)
				return j, nil
			})},
		{"wraps the error", "FailedUpdateStoresNothing", "as it is",
			updating(func(m *MemStore, id string, change func(time.Time, *export.Job) error) (export.Job, error) {
				j, err := m.Update(context.Background(), id, change)
				if err != nil {
					err = fmt.Errorf("update: %w", err)
				}
				return j, err
			})},
		{"makes a job", "UpdateOfNoJob", "change is called",
			updating(func(_ *MemStore, _ string, change func(time.Time, *export.Job) error) (export.Job, error) {
				var j export.Job
				return j, change(time.Now(), &j)
			})},
		{"shares its memory", "SharesNoMemory", "Get: ", breakStore(func(m *MemStore, s *brokenStore) {
			s.get = func(_ context.Context, _, id string) (export.Job, error) {
				j, _ := m.row(id)
				return j, nil
			}
		})},
		{"keeps the job that was made", "SharesNoMemory", "Get: ", breakStore(func(m *MemStore, s *brokenStore) {
			s.create = func(ctx context.Context, o string, create creator) (export.Job, bool, error) {
				var made export.Job
				j, created, err := m.Create(ctx, o, func(now time.Time, u export.Usage) (_ export.Job, err error) {
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
			updating(func(m *MemStore, id string, change func(time.Time, *export.Job) error) (export.Job, error) {
				j, _ := m.row(id)
				err := change(time.Now(), &j)
				m.setRow(j)
				return j, err
			})},
		{"read, then write", "ConcurrentUpdates", "after 256 updates", lostUpdates()},
	}
}

func lostUpdates() export.Store {
	p := newPair()
	return updating(func(m *MemStore, id string, change func(time.Time, *export.Job) error) (export.Job, error) {
		j, _ := m.row(id)
		j = j.Clone()
		p.arrive()
		err := change(time.Now(), &j)
		m.setRow(j)
		return j, err
	})
}

func brokenStale() []defect[export.Store] {
	inner := func(m *MemStore, limit int) []export.Job {
		jobs, _ := m.Stale(context.Background(), limit)
		return jobs
	}
	only := func(are func(export.Job) bool) export.Store {
		return finding(func(m *MemStore, limit int) []export.Job {
			return slices.DeleteFunc(inner(m, limit), func(j export.Job) bool { return !are(j) })
		})
	}
	and := func(are func(export.Job) bool) export.Store {
		return finding(func(m *MemStore, limit int) []export.Job { return append(inner(m, limit), m.those(are)...) })
	}
	ordered := func(by func(a, b export.Job) int) export.Store {
		return finding(func(m *MemStore, limit int) []export.Job {
			jobs := inner(m, limit)
			slices.SortFunc(jobs, by)
			return jobs
		})
	}
	var ever []export.Job
	return []defect[export.Store]{
		{"jobs in flight only", "Stale", "completed", only(func(j export.Job) bool { return j.Status.InFlight() })},
		{"ended jobs only", "Stale", "processing", only(func(j export.Job) bool { return !j.Status.InFlight() })},
		{"leases that somebody had", "Stale", "a pending job, lease 0s", only(func(j export.Job) bool { return !j.LeaseUntil.IsZero() || !j.PurgeAt.IsZero() })},
		{"jobs of which nothing is kept", "Stale", "a completed job, lease 0s and purge 0s",
			and(func(j export.Job) bool { return !j.Status.InFlight() && j.PurgeAt.IsZero() })},
		{"leases of ended jobs", "Stale", "a completed job, lease -1h0m0s",
			and(func(j export.Job) bool { return !j.Status.InFlight() && j.LeaseUntil.Before(time.Now()) })},
		{"all jobs", "Stale", "lease 1h0m0s", and(func(export.Job) bool { return true })},
		{"order of leases", "StaleInOrder", "waited longest", ordered(func(a, b export.Job) int { return a.LeaseUntil.Compare(b.LeaseUntil) })},
		{"order of ids", "StaleInOrder", "waited longest", ordered(func(a, b export.Job) int { return strings.Compare(a.ID, b.ID) })},
		{"no limit", "StaleHasALimit", "Stale(1) gives", finding(func(m *MemStore, _ int) []export.Job { return inner(m, 1000) })},
		{"the last ones", "StaleHasALimit", "Stale(1) gives", finding(func(m *MemStore, limit int) []export.Job {
			jobs := inner(m, 1000)
			return jobs[max(0, len(jobs)-limit):]
		})},
		{"stale for ever", "StaleForgets", "still gives", finding(func(m *MemStore, limit int) []export.Job {
			if ever == nil {
				ever = inner(m, limit)
			}
			jobs := slices.Clone(ever)
			for i := range jobs {
				jobs[i], _ = m.row(jobs[i].ID)
			}
			return jobs
		})},
		{"one organization", "StaleSeesAllOrganizations", "want a job of each", only(func(j export.Job) bool { return j.Organization.ID == ourOrg })},
		{"another clock", "ClockGoesForward", "Stale gives", finding(func(m *MemStore, _ int) []export.Job {
			return m.those(func(j export.Job) bool { return j.LeaseUntil.Before(time.Now().Add(-time.Minute)) })
		})},
		{"clock that goes back", "ClockGoesForward", "the clock goes from", breakStore(func(m *MemStore, _ *brokenStore) {
			var ticks atomic.Int64
			m.Now = func() time.Time { return someTime.Add(-time.Duration(ticks.Add(1)) * time.Millisecond) }
		})},
		{"clock of nanoseconds", "ClockGoesForward", "want whole milliseconds", breakStore(func(m *MemStore, s *brokenStore) {
			s.create = func(ctx context.Context, o string, create creator) (export.Job, bool, error) {
				return m.Create(ctx, o, func(now time.Time, u export.Usage) (export.Job, error) { return create(now.Add(1), u) })
			}
		})},
	}
}

// deafStores do not hear, each in one method, that their context has ended.
func deafStores() []defect[export.Store] {
	const promise = "CancelledContext"
	background := context.Background
	return []defect[export.Store]{
		{"deaf Create", promise, "Create with", breakStore(func(m *MemStore, s *brokenStore) {
			s.create = func(_ context.Context, o string, create creator) (export.Job, bool, error) {
				return m.Create(background(), o, create)
			}
		})},
		{"deaf Get", promise, "Get with", breakStore(func(m *MemStore, s *brokenStore) {
			s.get = func(_ context.Context, o, id string) (export.Job, error) { return m.Get(background(), o, id) }
		})},
		{"deaf List", promise, "List with", listing(func(m *MemStore, o string, page export.Page) ([]export.Job, int64) {
			jobs, total, _ := m.List(background(), o, page)
			return jobs, total
		})},
		{"deaf Update", promise, "Update with", updating(func(m *MemStore, id string, change func(time.Time, *export.Job) error) (export.Job, error) {
			return m.Update(background(), id, change)
		})},
		{"deaf Stale", promise, "Stale with", finding(func(*MemStore, int) []export.Job { return nil })},
		{"own error", promise, "Get with", breakStore(func(m *MemStore, s *brokenStore) {
			s.get = func(ctx context.Context, o, id string) (export.Job, error) {
				j, err := m.Get(ctx, o, id)
				if errors.Is(err, context.Canceled) {
					err = errors.New("interrupted")
				}
				return j, err
			}
		})},
	}
}
