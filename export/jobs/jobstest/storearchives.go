package jobstest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

// listsArchives reports whether the store, or the one that it wraps, is a
// jobs.ArchiveLister.
func listsArchives(t testing.TB, s jobs.Store) bool {
	_, err := jobs.ArchivesOf(t.Context(), s, "", 1)
	return !errors.Is(err, errors.ErrUnsupported)
}

func archives(t testing.TB, s jobs.Store, after string, limit int) []jobs.Job {
	t.Helper()
	found, err := jobs.ArchivesOf(t.Context(), s, after, limit)
	if err != nil {
		t.Fatalf("Archives: %v", err)
	}
	if len(found) > limit {
		t.Fatalf("Archives gives %d jobs, the limit is %d", len(found), limit)
	}
	return found
}

// withArchive creates job n of an organization, whose archive is kept.
func withArchive(t testing.TB, s jobs.Store, organization string, n int) jobs.Job {
	t.Helper()
	createOf(t, s, organization, n, nil)
	return update(t, s, kittest.ShortID(n), func(now time.Time, j *jobs.Job) {
		j.Status, j.FinishedAt, j.LeaseUntil = jobs.Completed, now, time.Time{}
		j.ObjectKey, j.Filename, j.Size = fmt.Sprintf("%s/%s/1.zip", organization, j.ID), "export.zip", int64(n)
		j.SHA256 = []byte{byte(n)}
		j.ExpiresAt = now.Add(time.Hour)
		j.PurgeAt = j.ExpiresAt
	})
}

// storeArchives has jobs with and without an archive, of two organizations, in pages of
// all sizes. It passes if the store is no jobs.ArchiveLister, as the others here do.
func storeArchives(t testing.TB, s jobs.Store) {
	if !listsArchives(t, s) {
		return
	}
	if found := archives(t, s, "", 10); len(found) != 0 {
		t.Errorf("Archives of an empty store gives %v", jobIDs(found))
	}
	var want []string
	for n := range 9 {
		organization := []string{kittest.OurOrg, kittest.TheirOrg}[n%2]
		switch job := withArchive(t, s, organization, n); n % 5 {
		case 1: // it is purged
			update(t, s, job.ID, func(_ time.Time, j *jobs.Job) { j.ObjectKey, j.PurgeAt = "", time.Time{} })
		case 3: // it is damaged
			update(t, s, job.ID, func(now time.Time, j *jobs.Job) { j.DamagedAt = now })
			want = append(want, job.ID)
		default:
			want = append(want, job.ID)
		}
	}
	create(t, s, 20, nil)
	end(t, s, create(t, s, 21, nil).ID)
	slices.Sort(want)
	for size := 1; size <= 10; size++ {
		var got []string
		for after := ""; ; {
			page := archives(t, s, after, size)
			if len(page) == 0 {
				break
			}
			for _, j := range page {
				wantGet(t, s, j)
			}
			got = append(got, jobIDs(page)...)
			if after = page[len(page)-1].ID; len(got) > 2*len(want) {
				t.Fatalf("pages of %d have no end", size)
			}
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("pages of %d together are %v, want %v", size, got, want)
		}
	}
}

// storeArchivesMeanwhile purges, ends and makes jobs between two pages.
func storeArchivesMeanwhile(t testing.TB, s jobs.Store) {
	if !listsArchives(t, s) {
		return
	}
	for n := range 6 {
		withArchive(t, s, kittest.OurOrg, n)
	}
	order := jobIDs(archives(t, s, "", 100))
	if len(order) != 6 {
		t.Fatalf("Archives gives %v, want 6 jobs", order)
	}
	for _, id := range []string{order[1], order[3]} { // the one that a page ends with, and one behind it
		update(t, s, id, func(_ time.Time, j *jobs.Job) { j.ObjectKey = "" })
	}
	want := []string{order[2], order[4], order[5]}
	if got := jobIDs(archives(t, s, order[1], 100)); !slices.Equal(got, want) {
		t.Errorf("behind a job whose archive is purged Archives gives %v, want %v", got, want)
	}
}

func storeArchivesCancelled(t testing.TB, s jobs.Store) {
	if listsArchives(t, s) {
		_, err := jobs.ArchivesOf(kittest.Cancelled(t), s, "", 1)
		kittest.WantCancelled(t, "Archives", err)
	}
}

// storeStatsDamaged marks archives, mends one and purges another.
func storeStatsDamaged(t testing.TB, s jobs.Store) {
	if _, err := jobs.StatsOf(t.Context(), s); errors.Is(err, errors.ErrUnsupported) {
		return
	}
	want := func(when string, n int64) {
		t.Helper()
		if stats, err := jobs.StatsOf(t.Context(), s); err != nil || stats.Damaged != n {
			t.Errorf("%s Stats counts %d damaged archives, %v, want %d", when, stats.Damaged, err, n)
		}
	}
	for n := range 4 {
		withArchive(t, s, []string{kittest.OurOrg, kittest.TheirOrg}[n%2], n)
	}
	want("at first", 0)
	for n := range 3 {
		update(t, s, kittest.ShortID(n), func(now time.Time, j *jobs.Job) { j.DamagedAt = now })
	}
	want("of three", 3)
	update(t, s, kittest.ShortID(0), func(_ time.Time, j *jobs.Job) { j.DamagedAt = time.Time{} })
	want("once one is mended", 2)
	update(t, s, kittest.ShortID(1), func(_ time.Time, j *jobs.Job) { j.ObjectKey = "" })
	want("once one is purged", 1)
}
