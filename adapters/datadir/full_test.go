package datadir_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/orgexport/orgexport/adapters/datadir"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
	"github.com/orgexport/orgexport/sections"
)

// smallDisk mounts a file system of 12 MiB.
func smallDisk(t *testing.T) (path string) {
	t.Helper()
	path = t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", path).CombinedOutput(); err != nil {
		t.Skipf("skipped: a small file system cannot be mounted: %v %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", path).CombinedOutput(); err != nil { //nolint:noctx // the test's context has ended
			t.Errorf("umount: %v %s", err, out)
		}
	})
	return path
}

// fill writes to a file in the folder until no space is left, and then to the database
// until that has no space either.
func fill(t *testing.T, path string, d *datadir.Dir) {
	t.Helper()
	f, err := os.Create(filepath.Join(path, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(f, rand.Reader); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for err == nil { // there is room in the write-ahead log
		err = d.Store.Record(t.Context(), audit.Entry{At: time.Now(), Action: audit.Downloaded})
	}
	if export.OutageOf(err) != export.OutageFull {
		t.Fatalf("the database on a full disk gives %v", err)
	}
}

// TestDiskFull has database and archives on one disk, which is the default. When it is full
// the database is not ready, and archives can be deleted by hand and at the end of their
// retention. Then there is room again.
func TestDiskFull(t *testing.T) {
	for name, free := range map[string]func(ctx context.Context, s *jobs.Service, job jobs.Job) error{
		"delete": func(ctx context.Context, s *jobs.Service, job jobs.Job) error {
			_, err := s.Delete(ctx, job.Organization.ID, job.ID)
			return err
		},
		"purge": func(ctx context.Context, s *jobs.Service, job jobs.Job) (err error) {
			for err == nil && (job.ObjectKey != "" || job.Size == 0) { // until the end of its retention
				if err = s.Reap(ctx); err == nil {
					job, err = s.Get(ctx, job.Organization.ID, job.ID)
				}
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := smallDisk(t)
			d := open(t, path, withLinks)
			content := make([]byte, 2<<20)
			_, _ = rand.Read(content)
			engine, err := export.New(export.Config{Spool: d.Parts, MinFreeBytes: -1, Scratch: t.TempDir(), Sections: []export.Section{
				sections.New("files", func(_ context.Context, _ export.Scope, sink export.Sink) error {
					return sink.Binary("content", bytes.NewReader(content))
				}),
			}})
			if err != nil {
				t.Fatal(err)
			}
			c := d.JobsConfig(engine, jobstest.MemOrganizations{acme: {ID: acme, Slug: "acme", Name: "Acme"}})
			c.Retention, c.LinkTTL, c.PartsRetention = time.Second, time.Second, -1
			s, err := jobs.New(c)
			if err != nil {
				t.Fatal(err)
			}
			job, _, err := s.Create(t.Context(), jobs.Request{OrganizationID: acme})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Work(t.Context(), jobs.Task{Kind: jobs.TaskExport, JobID: job.ID}); err != nil {
				t.Fatal(err)
			}
			fill(t, path, d)
			if err := d.Store.Check(t.Context()); export.OutageOf(err) != export.OutageFull {
				t.Errorf("on a full disk Check gives %v", err)
			}
			if err := free(t.Context(), s, job); err != nil {
				t.Errorf("nothing is deleted: %v", err)
			}
			if keys, err := d.Archives.List(t.Context(), ""); err != nil || len(keys) > 0 {
				t.Errorf("the archives %v are left, %v", keys, err)
			}
			if job, err = s.Get(t.Context(), acme, job.ID); err != nil || job.ObjectKey != "" || job.Status != jobs.Completed {
				t.Errorf("the job is %+v, %v", job, err)
			}
			if err := d.Store.Check(t.Context()); err != nil {
				t.Errorf("with room again, Check gives %v", err)
			}
		})
	}
}
