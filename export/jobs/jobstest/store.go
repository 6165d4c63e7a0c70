package jobstest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

// RunStore checks a [jobs.Store] against its documentation. newStore returns
// an empty one for each subtest. The store may have a real clock: an instant that
// has to be over, or not yet, is at least a second from the store's now.
func RunStore(t *testing.T, newStore func(t *testing.T) jobs.Store) {
	t.Helper()
	kittest.Run(t, storePromises, newStore)
}

var storePromises = []kittest.Promise[jobs.Store]{
	{"CreatesWhatTheFunctionMakes", storeCreates},
	{"EveryFieldSurvives", storeFields},
	{"NothingIsAdded", storeNothingAdded},
	{"InstantsAreInUTCAndMilliseconds", storeInstants},
	{"EmptySlicesAreNil", storeEmptySlices},
	{"NoTwoOfARequestInFlight", storeInFlight},
	{"OtherRequestsAreSeparate", storeOtherRequests},
	{"NoSecondInFlightByUpdate", storeSecondByUpdate},
	{"NoIDTwice", storeSameID},
	{"NoJobOfAnotherOrganization", storeMismatch},
	{"FailedCreateStoresNothing", storeFailedCreate},
	{"JobInFlightThoughCreateFails", storeFailedDuplicate},
	{"UsageOfJobsInFlight", storeUsageInFlight},
	{"UsageOfTheDay", storeUsageDay},
	{"UsageOfOneOrganization", storeUsageOrganization},
	{"NotFound", storeNotFound},
	{"ListsNewestFirst", storeListOrder},
	{"ListsPages", storeListPages},
	{"ListsOneOrganization", storeListOrganization},
	{"UpdatesAllButTheRequest", storeUpdates},
	{"FailedUpdateStoresNothing", storeFailedUpdate},
	{"UpdateOfNoJob", storeUpdateNotFound},
	{"SharesNoMemory", storeMemory},
	{"ClockGoesForward", storeClock},
	{"Stale", storeStale},
	{"StaleInOrder", storeStaleOrder},
	{"StaleHasALimit", storeStaleLimit},
	{"StaleForgets", storeStaleForgets},
	{"StaleSeesAllOrganizations", storeStaleOrganizations},
	{"StatsCountJobsInFlight", storeStats},
	{"StatsOfACancelledContext", storeStatsCancelled},
	{"StatsCountDamagedArchives", storeStatsDamaged},
	{"Archives", storeArchives},
	{"ArchivesMeanwhile", storeArchivesMeanwhile},
	{"ArchivesOfACancelledContext", storeArchivesCancelled},
	{"Marks", storeMarks},
	{"MarksOfACancelledContext", storeMarksCancelled},
	{"NextInFairOrder", storeNext},
	{"NextAfterTheClockWasPutBack", storeNextAfterJump},
	{"NextOfACancelledContext", storeNextCancelled},
	{"NextThatIsWanted", storeNextWanted},
	{"NextToHelp", storeNextHelp},
	{"RemoveEnded", storeRemoves},
	{"LeasesBeyond", storeLeasesBeyond},
	{"PartsInUse", storePartsInUse},
	{"PartsInUseOfACancelledContext", storePartsInUseCancelled},
	{"CancelledContext", storeCancelled},
	{"ConcurrentCreates", storeConcurrentCreates},
	{"ConcurrentRequests", storeConcurrentRequests},
	{"ConcurrentUsage", storeConcurrentUsage},
	{"ConcurrentUpdates", storeConcurrentUpdates},
	{"ConcurrentUse", storeConcurrentUse},
}

// pending returns job n, which waits for a worker. All requests differ.
func pending(n int, now time.Time) jobs.Job {
	return jobs.Job{
		ID:           kittest.ShortID(n),
		Organization: export.Organization{ID: kittest.OurOrg},
		Format:       "zip",
		Sections:     []string{fmt.Sprintf("section_%d", n)},
		Requester:    "key:" + kittest.ShortID(9),
		CreatedAt:    now,
		AsOf:         now.Truncate(time.Second),
		Status:       jobs.Pending,
		LeaseUntil:   now.Add(time.Hour),
	}
}

// create stores job n. alter, which may be nil, changes it before.
func create(t testing.TB, s jobs.Store, n int, alter func(now time.Time, j *jobs.Job)) jobs.Job {
	t.Helper()
	return createOf(t, s, kittest.OurOrg, n, alter)
}

func createOf(t testing.TB, s jobs.Store, organization string, n int, alter func(now time.Time, j *jobs.Job)) jobs.Job {
	t.Helper()
	j, created, err := tryCreateOf(t, s, organization, n, alter)
	if err != nil || !created {
		t.Fatalf("Create of job %d gives %t, %v, want a new job", n, created, err)
	}
	return j
}

func tryCreate(t testing.TB, s jobs.Store, n int, alter func(now time.Time, j *jobs.Job)) (jobs.Job, bool, error) {
	t.Helper()
	return tryCreateOf(t, s, kittest.OurOrg, n, alter)
}

func tryCreateOf(t testing.TB, s jobs.Store, organization string, n int, alter func(now time.Time, j *jobs.Job)) (jobs.Job, bool, error) {
	t.Helper()
	return s.Create(t.Context(), organization, func(now time.Time, _ jobs.Usage) (jobs.Job, error) {
		j := pending(n, now)
		j.Organization.ID = organization
		if alter != nil {
			alter(now, &j)
		}
		return j, nil
	})
}

// making returns a function that makes a copy of j.
func making(j jobs.Job) func(time.Time, jobs.Usage) (jobs.Job, error) {
	return func(time.Time, jobs.Usage) (jobs.Job, error) { return j.Clone(), nil }
}

func update(t testing.TB, s jobs.Store, id string, change func(now time.Time, j *jobs.Job)) jobs.Job {
	t.Helper()
	j, err := s.Update(t.Context(), id, func(now time.Time, j *jobs.Job) error {
		change(now, j)
		return nil
	})
	if err != nil {
		t.Fatalf("Update: %v", err)
	}
	return j
}

// end lets a job fail, with nothing to purge.
func end(t testing.TB, s jobs.Store, id string) {
	t.Helper()
	update(t, s, id, func(now time.Time, j *jobs.Job) {
		j.Status, j.FinishedAt, j.LeaseOwner, j.LeaseUntil = jobs.Failed, now, "", time.Time{}
	})
}

// wantGet checks that the store has exactly that job.
func wantGet(t testing.TB, s jobs.Store, want jobs.Job) {
	t.Helper()
	got, err := s.Get(t.Context(), want.Organization.ID, want.ID)
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	kittest.WantSame(t, "Get", got, want)
}

// filledJob returns a job of that status without a zero field.
func filledJob(t testing.TB, f *kittest.Filler, status jobs.Status) jobs.Job {
	t.Helper()
	j := kittest.Filled[jobs.Job](t, f)
	j.ID, j.Organization.ID, j.RetryOf = kittest.ShortID(f.N), kittest.OurOrg, kittest.ShortID(f.N+1)
	j.Status, j.Format = status, fmt.Sprintf("tar.%d", f.N)
	for i := range j.Sections {
		j.Sections[i] = fmt.Sprintf("section_%d_%d", f.N, i)
	}
	for i := range j.Results {
		j.Results[i].Status = export.StatusPartial
	}
	return j
}

func storeCreates(t testing.TB, s jobs.Store) {
	var made jobs.Job
	got := create(t, s, 1, func(_ time.Time, j *jobs.Job) { made = *j })
	if made.CreatedAt.IsZero() {
		t.Error("Create gives its function no time")
	}
	kittest.WantSame(t, "Create", got, made)
	wantGet(t, s, made)
}

func storeFields(t testing.TB, s jobs.Store) {
	f := new(kittest.Filler)
	for _, status := range []jobs.Status{jobs.Pending, jobs.Processing} {
		want := filledJob(t, f, status)
		got, created, err := s.Create(t.Context(), kittest.OurOrg, making(want))
		if err != nil || !created {
			t.Fatalf("Create gives %t, %v", created, err)
		}
		kittest.WantSame(t, "Create", got, want)
		wantGet(t, s, want)
		found, _, err := s.List(t.Context(), kittest.OurOrg, jobs.Page{Number: 1, Size: 100})
		i := slices.IndexFunc(found, func(j jobs.Job) bool { return j.ID == want.ID })
		if err != nil || i < 0 {
			t.Fatalf("List gives %v, %v, want job %s in it", jobIDs(found), err, want.ID)
		}
		kittest.WantSame(t, "List", found[i], want)
	}
}

// storeNothingAdded stores a job with only the fields that a job must have.
func storeNothingAdded(t testing.TB, s jobs.Store) {
	want := jobs.Job{
		ID: kittest.ShortID(1), Organization: export.Organization{ID: kittest.OurOrg}, Format: "zip",
		CreatedAt: kittest.SomeTime(), AsOf: kittest.SomeTime().Truncate(time.Second), Status: jobs.Pending,
	}
	got, _, err := s.Create(t.Context(), kittest.OurOrg, making(want))
	if err != nil {
		t.Fatal(err)
	}
	kittest.WantSame(t, "Create", got, want)
	wantGet(t, s, want)
	want.Status = jobs.Failed
	end := func(_ time.Time, j *jobs.Job) { j.Status = jobs.Failed }
	kittest.WantSame(t, "Update", update(t, s, want.ID, end), want)
	wantGet(t, s, want)
}

func storeInstants(t testing.TB, s jobs.Store) {
	given := time.Date(2026, 3, 29, 2, 30, 0, 123_456_789, time.FixedZone("", 5*3600+1800))
	alter := func(now time.Time, j *jobs.Job) {
		kittest.WantInstant(t, "now", now, now)
		j.CreatedAt, j.AsOf, j.LeaseUntil, j.FinishedAt, j.ExpiresAt, j.PurgeAt = given, given, given, given, given, given
	}
	got := create(t, s, 1, alter)
	wantGet(t, s, got) // and so in UTC and milliseconds
	wantGet(t, s, update(t, s, got.ID, alter))
	for _, at := range []time.Time{got.CreatedAt, got.AsOf, got.LeaseUntil, got.FinishedAt, got.ExpiresAt, got.PurgeAt} {
		if off := given.Sub(at); off.Abs() >= time.Millisecond {
			t.Errorf("of %v is stored %v", given, at)
		}
	}
}

func storeEmptySlices(t testing.TB, s jobs.Store) {
	empty := func(_ time.Time, j *jobs.Job) {
		j.Sections, j.Progress, j.Parts = []string{}, []jobs.SectionProgress{}, []export.PartID{}
		j.Results, j.SHA256 = []export.SectionResult{}, []byte{}
	}
	job := create(t, s, 1, empty)
	for call, j := range map[string]jobs.Job{"Create": job, "Update": update(t, s, job.ID, empty)} {
		if j.Sections != nil || j.Progress != nil || j.Parts != nil || j.Results != nil || j.SHA256 != nil {
			t.Errorf("%s gives empty slices, want nil: %#v", call, j)
		}
		wantGet(t, s, j)
	}
	none := func(_ time.Time, j *jobs.Job) { j.Sections = nil }
	if j, created, err := tryCreate(t, s, 2, none); err != nil || created || j.ID != job.ID {
		t.Errorf("with nil for empty Sections Create gives %s, %t, %v, want the job in flight", j.ID, created, err)
	}
}

func storeInFlight(t testing.TB, s jobs.Store) {
	same := func(_ time.Time, j *jobs.Job) { j.Sections, j.RetryOf = []string{"a", "b"}, kittest.ShortID(7) }
	job := create(t, s, 1, same)
	again := func(n int) {
		t.Helper()
		got, created, err := tryCreate(t, s, n, same)
		if err != nil || created {
			t.Fatalf("Create gives %t, %v, want the job in flight", created, err)
		}
		kittest.WantSame(t, "Create", got, job)
		if _, err := s.Get(t.Context(), kittest.OurOrg, kittest.ShortID(n)); !errors.Is(err, export.ErrNotFound) {
			t.Errorf("Get of the job that was not created gives %v, want ErrNotFound", err)
		}
	}
	again(2)
	job = update(t, s, job.ID, func(_ time.Time, j *jobs.Job) { j.Status, j.Attempt = jobs.Processing, 1 })
	again(3)
	end(t, s, job.ID)
	second := create(t, s, 4, same)
	update(t, s, second.ID, func(_ time.Time, j *jobs.Job) { j.Status = jobs.Completed })
	create(t, s, 5, same)
}

func storeOtherRequests(t testing.TB, s jobs.Store) {
	createOf(t, s, kittest.TheirOrg, 10, func(_ time.Time, j *jobs.Job) { j.Sections = []string{"a", "b"} })
	for n, alter := range []func(j *jobs.Job){
		func(*jobs.Job) {},
		func(j *jobs.Job) { j.Format = "tar.gz" },
		func(j *jobs.Job) { j.RetryOf = kittest.ShortID(7) },
		func(j *jobs.Job) { j.Sections = nil },
		func(j *jobs.Job) { j.Sections = []string{"a"} },
		func(j *jobs.Job) { j.Sections = []string{"ab"} },
		func(j *jobs.Job) { j.Sections = []string{"a_b"} },
		func(j *jobs.Job) { j.Sections = []string{"a", "b", "c"} },
	} {
		create(t, s, n, func(_ time.Time, j *jobs.Job) {
			j.Sections = []string{"a", "b"}
			alter(j)
		})
	}
}

// storeSecondByUpdate makes an ended job pending while another of its request is in
// flight.
func storeSecondByUpdate(t testing.TB, s jobs.Store) {
	same := func(_ time.Time, j *jobs.Job) { j.Sections = nil }
	first := create(t, s, 1, same)
	end(t, s, first.ID)
	second := create(t, s, 2, same)
	_, err := s.Update(t.Context(), first.ID, func(_ time.Time, j *jobs.Job) error {
		j.Status = jobs.Pending
		return nil
	})
	if err == nil {
		t.Error("Update makes a second job of a request in flight")
	}
	if got, err := s.Get(t.Context(), kittest.OurOrg, first.ID); err != nil || got.Status != jobs.Failed {
		t.Errorf("the ended job is %q, %v", got.Status, err)
	}
	end(t, s, second.ID)
	update(t, s, first.ID, func(_ time.Time, j *jobs.Job) { j.Status = jobs.Pending })
}

// storeSameID creates a job with the id of another organization's job.
func storeSameID(t testing.TB, s jobs.Store) {
	job := create(t, s, 1, nil)
	_, created, err := tryCreateOf(t, s, kittest.TheirOrg, 1, nil)
	if err == nil || created {
		t.Errorf("Create of a job with the id of another gives %t, %v, want an error", created, err)
	}
	wantGet(t, s, job)
}

func storeNotFound(t testing.TB, s jobs.Store) {
	job := create(t, s, 1, nil)
	texts := make(map[string]bool)
	for _, c := range []struct{ organization, job string }{
		{kittest.TheirOrg, job.ID},
		{kittest.OurOrg, kittest.ShortID(2)},
		{kittest.TheirOrg, kittest.ShortID(2)},
		{"", job.ID},
		{kittest.OurOrg, "2" + strings.ToLower(kittest.OurOrg[1:])},
	} {
		j, err := s.Get(t.Context(), c.organization, c.job)
		if !errors.Is(err, export.ErrNotFound) {
			t.Fatalf("Get gives %v, want ErrNotFound", err)
		}
		kittest.WantSame(t, "Get of no job", j, jobs.Job{})
		text := strings.ReplaceAll(err.Error(), c.job, "JOB")
		texts[strings.ReplaceAll(text, c.organization, "")] = true
	}
	if len(texts) != 1 {
		t.Errorf("errors tell another organization's job from none: %v", texts)
	}
}

// jobIDs returns the ids of jobs.
func jobIDs(found []jobs.Job) []string {
	var ids []string
	for _, j := range found {
		ids = append(ids, j.ID)
	}
	return ids
}
