package jobs_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
)

// fullStore is a store on a full disk.
type fullStore struct {
	jobs.Store
	full *bool
}

func (s fullStore) Update(ctx context.Context, id string, change func(time.Time, *jobs.Job) error) (jobs.Job, error) {
	return s.Store.Update(ctx, id, func(now time.Time, j *jobs.Job) error {
		err := change(now, j)
		if err == nil && *s.full {
			err = &export.OutageError{What: "the disk", Kind: export.OutageFull, Err: errDisk}
		}
		return err
	})
}

// roomyDestination is on the same disk: with an archive less there is room.
type roomyDestination struct {
	jobs.Destination
	full *bool
}

func (d roomyDestination) Delete(ctx context.Context, key string) error {
	err := d.Destination.Delete(ctx, key)
	*d.full = *d.full && err != nil
	return err
}

// fullNode has a completed job on a disk that is full then.
func fullNode(t *testing.T) (n *node, full *bool, job jobs.Job) {
	full = new(bool)
	n = newNode(t, func(c *jobs.Config) {
		c.Store, c.Destination = fullStore{new(jobstest.MemStore), full}, roomyDestination{new(jobstest.MemDestination), full}
		c.PartsRetention = time.Hour
	}, fine("a"))
	job = n.create(t, jobs.Request{})
	if err := n.Work(t.Context(), jobs.Task{Kind: jobs.TaskExport, JobID: job.ID}); err != nil {
		t.Fatal(err)
	}
	*full = true
	return n, full, job
}

// wantNothingLeft checks that archive and parts are gone and that the job says so.
func (n *node) wantNothingLeft(t *testing.T, job jobs.Job) {
	t.Helper()
	keys, err := n.dest.List(t.Context(), "")
	ids, spoolErr := n.spool.List(t.Context(), job.ID)
	if err := errors.Join(err, spoolErr); err != nil || len(keys)+len(ids) > 0 {
		t.Errorf("left are the archives %v and the parts %v, %v", keys, ids, err)
	}
	job, err = n.Get(t.Context(), job.Organization.ID, job.ID)
	if err != nil || job.Status != jobs.Completed || job.ObjectKey != "" || len(job.Parts) > 0 || !job.PurgeAt.IsZero() {
		t.Errorf("the job is %+v, %v", job, err)
	}
}

func TestDeleteOnAFullDisk(t *testing.T) {
	n, _, job := fullNode(t)
	done, err := n.Delete(t.Context(), job.Organization.ID, job.ID)
	if done != jobs.Purged || err != nil {
		t.Errorf("Delete gives %q, %v", done, err)
	}
	n.wantNothingLeft(t, job)
}

// TestPurgeOnAFullDisk: what is due is deleted, and nothing else. The parts are due first.
func TestPurgeOnAFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, full, job := fullNode(t)
		time.Sleep(2 * time.Hour)
		if err := n.Reap(t.Context()); !errors.Is(err, export.ErrUnavailable) { // parts alone make no room here
			t.Errorf("Reap gives %v", err)
		}
		if ids, err := n.spool.List(t.Context(), job.ID); err != nil || len(ids) > 0 {
			t.Errorf("the parts %v are left, %v", ids, err)
		}
		if keys, err := n.dest.List(t.Context(), ""); err != nil || len(keys) != 1 {
			t.Errorf("of the archive %v is left, %v", keys, err)
		}
		time.Sleep(7 * 24 * time.Hour)
		if err := n.Reap(t.Context()); err != nil || *full {
			t.Errorf("Reap gives %v", err)
		}
		n.wantNothingLeft(t, job)
	})
}

// TestCancelOnAFullDisk: a job in flight has nothing that may be deleted, and stays.
func TestCancelOnAFullDisk(t *testing.T) {
	n, full, _ := fullNode(t)
	*full = false
	job := n.create(t, jobs.Request{})
	*full = true
	if done, err := n.Delete(t.Context(), job.Organization.ID, job.ID); done != jobs.NothingDeleted || export.OutageOf(err) != export.OutageFull {
		t.Errorf("Delete gives %q, %v", done, err)
	}
	if keys, err := n.dest.List(t.Context(), ""); err != nil || len(keys) != 1 {
		t.Errorf("the archive of another job is %v, %v", keys, err)
	}
	if job, err := n.Get(t.Context(), job.Organization.ID, job.ID); err != nil || job.Status != jobs.Pending {
		t.Errorf("the job is %s, %v", job.Status, err)
	}
}
