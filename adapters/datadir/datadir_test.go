package datadir_test

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orgexport/orgexport/adapters/bunstore"
	"github.com/orgexport/orgexport/adapters/datadir"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/audit/audittest"
	"github.com/orgexport/orgexport/export/exporttest"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
	"github.com/orgexport/orgexport/sign"
)

const acme = "H9cNmGXLEc8NWcZzSThA9S"

var withLinks = datadir.Config{Links: sign.Config{URL: "https://example.com/downloads"}}

func open(t *testing.T, path string, c datadir.Config) *datadir.Dir {
	t.Helper()
	d, err := datadir.Open(t.Context(), path, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// TestKits runs the kits of the ports that a service needs. They wait for the disk
// most of the time.
func TestKits(t *testing.T) {
	fresh := func(t *testing.T) *datadir.Dir {
		t.Helper()
		return open(t, filepath.Join(t.TempDir(), "data"), withLinks)
	}
	for name, kit := range map[string]func(t *testing.T){
		"store": func(t *testing.T) {
			jobstest.RunStore(t, func(t *testing.T) jobs.Store { return fresh(t).Store })
		},
		"trail": func(t *testing.T) {
			audittest.RunLog(t, func(t *testing.T) audit.Log { return fresh(t).Store })
		},
		"parts": func(t *testing.T) {
			exporttest.RunSpool(t, func(t *testing.T) export.Spool { return fresh(t).Parts })
		},
		"archives": func(t *testing.T) {
			jobstest.RunDestination(t, func(t *testing.T) jobs.Destination { return fresh(t).Archives })
		},
		"links": func(t *testing.T) {
			jobstest.RunSigner(t, func(t *testing.T) jobs.Signer { return fresh(t).Links })
		},
		"queue": func(t *testing.T) {
			jobstest.RunDispatcher(t, func(t *testing.T) jobstest.Worked {
				d := fresh(t)
				return jobstest.Worked{Dispatcher: d.Queue, Run: d.Queue.Run}
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kit(t)
		})
	}
}

// TestNamesAreThoseOfExportd: a folder of the program is one of this package.
func TestNamesAreThoseOfExportd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "data")
	open(t, path, datadir.Config{})
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "jobs.db-") { // SQLite's own
			names = append(names, e.Name())
		}
		if info, err := e.Info(); err != nil || info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
			t.Errorf("%s has the mode %v, %v", e.Name(), info.Mode(), err)
		}
	}
	if want := []string{"archives", "jobs.db", "parts", "signing.keys"}; !slices.Equal(names, want) {
		t.Errorf("in the folder is %v, want %v", names, want)
	}
}

func newService(t *testing.T, d *datadir.Dir) *jobs.Service {
	t.Helper()
	engine, err := export.New(export.Config{Spool: d.Parts, Sections: []export.Section{notes()}})
	if err != nil {
		t.Fatal(err)
	}
	service, err := jobs.New(d.JobsConfig(engine, jobstest.MemOrganizations{acme: {ID: acme, Slug: "acme"}}))
	if err != nil {
		t.Fatal(err)
	}
	return service
}

// run runs a service until stop is called.
func run(t *testing.T, service *jobs.Service) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- service.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// completed waits for a job.
func completed(t *testing.T, service *jobs.Service, id string) jobs.Job {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		job, err := service.Get(ctx, acme, id)
		if err != nil || job.Status == jobs.Failed {
			t.Fatalf("the job is %s, %v", job.Status, err)
		}
		if job.Status == jobs.Completed {
			return job
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// download returns what a link gives there.
func download(t *testing.T, d *datadir.Dir, url string) (status int, content string) {
	t.Helper()
	recorder := httptest.NewRecorder()
	d.Links.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody))
	return recorder.Code, recorder.Body.String()
}

// TestTwoOpens has two processes, so to speak, on one folder: one takes a request
// and makes the link, the other exports and serves the archive. Then a third one
// finds all of it.
func TestTwoOpens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	one, other := open(t, path, withLinks), open(t, path, withLinks)
	front, worker := newService(t, one), newService(t, other)
	stop := run(t, worker)
	job, _, err := front.Create(t.Context(), jobs.Request{OrganizationID: acme})
	if err != nil {
		t.Fatal(err)
	}
	// The queue of the process that took the request has the task. The other one
	// would find the job once its lease is over, which takes longer.
	if err := other.Queue.Dispatch(t.Context(), jobs.Task{Kind: jobs.TaskExport, JobID: job.ID}); err != nil {
		t.Fatal(err)
	}
	job = completed(t, front, job.ID)
	link, err := front.Link(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []*datadir.Dir{one, other} {
		if status, content := download(t, d, link.URL); status != http.StatusOK || int64(len(content)) != job.Size {
			t.Errorf("the link gives %d and %d bytes, want %d", status, len(content), job.Size)
		}
	}
	stop()
	for _, d := range []*datadir.Dir{one, other, one} { // the last one again
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
	third := open(t, path, withLinks)
	if status, content := download(t, third, link.URL); status != http.StatusOK || int64(len(content)) != job.Size {
		t.Errorf("after a restart the link gives %d and %d bytes, want %d", status, len(content), job.Size)
	}
	entries, err := third.Store.Entries(t.Context(), acme, 10)
	if err != nil || len(entries) != 3 {
		t.Errorf("%d downloads were recorded, %v, want 3", len(entries), err)
	}
}

// TestOpenAtOnce has several processes make one folder.
func TestOpenAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "data")
	var dirs [8]*datadir.Dir
	var all sync.WaitGroup
	for i := range dirs {
		all.Go(func() {
			var err error
			if dirs[i], err = datadir.Open(t.Context(), path, withLinks); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, d := range dirs {
		if d == nil {
			continue
		}
		if err := errors.Join(d.Store.Check(t.Context()), d.Parts.Check(t.Context()), d.Archives.Check(t.Context()), d.Close()); err != nil {
			t.Error(err)
		}
	}
}

// TestOthersInPlace hands in a destination, and goes without links.
func TestOthersInPlace(t *testing.T) {
	bucket := new(jobstest.MemDestination)
	d := open(t, t.TempDir(), datadir.Config{Links: sign.Config{URL: "https://example.com/downloads", Destination: bucket}})
	service := newService(t, d)
	run(t, service)
	job, _, err := service.Create(t.Context(), jobs.Request{OrganizationID: acme})
	if err != nil {
		t.Fatal(err)
	}
	job = completed(t, service, job.ID)
	if r, err := bucket.Open(t.Context(), job.ObjectKey); err != nil {
		t.Error(err)
	} else {
		r.Close()
	}
	link, err := service.Link(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	if status, content := download(t, d, link.URL); status != http.StatusOK || int64(len(content)) != job.Size {
		t.Errorf("the link gives %d and %d bytes, want %d", status, len(content), job.Size)
	}

	plain := open(t, t.TempDir(), datadir.Config{})
	if c := plain.JobsConfig(nil, nil); plain.Links != nil || c.Signer != nil || c.Destination != plain.Archives {
		t.Errorf("without a URL there are links: %v", c.Signer)
	}
}

// TestBroken has something in the way of each thing in the folder: the error names
// it, and nothing stays open.
func TestBroken(t *testing.T) {
	for name, c := range map[string]struct {
		breaks func(path string) error
		config datadir.Config
		want   string
	}{
		"the folder is a file":    {func(path string) error { return os.WriteFile(path, nil, 0o600) }, withLinks, "not a directory"},
		"parts are a file":        {func(path string) error { return put(path, "parts", "") }, withLinks, "parts"},
		"archives are a file":     {func(path string) error { return put(path, "archives", "") }, withLinks, "archives"},
		"keys are a folder":       {func(path string) error { return os.MkdirAll(filepath.Join(path, "signing.keys"), 0o700) }, withLinks, "signing.keys"},
		"keys are none":           {func(path string) error { return put(path, "signing.keys", "x") }, withLinks, "signing.keys:1: a key is written ID:SECRET"},
		"jobs are no database":    {func(path string) error { return put(path, "jobs.db", strings.Repeat("no database", 100)) }, withLinks, "not a database"},
		"jobs are a folder":       {func(path string) error { return os.MkdirAll(filepath.Join(path, "jobs.db"), 0o700) }, withLinks, "jobs.db"},
		"the URL is not absolute": {func(string) error { return nil }, datadir.Config{Links: sign.Config{URL: "downloads"}}, "Config.URL is not an absolute URL"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "data")
			if err := c.breaks(path); err != nil {
				t.Fatal(err)
			}
			before := openFiles(t)
			d, err := datadir.Open(t.Context(), path, c.config)
			if err == nil {
				t.Fatal(errors.Join(errors.New("no error"), d.Close()))
			}
			text := err.Error()
			if !strings.HasPrefix(text, "datadir: open "+path+": ") || !strings.Contains(text, c.want) || strings.Contains(text, "\n") {
				t.Errorf("the error is %q, want one line with %q", text, c.want)
			}
			if after := openFiles(t); after != before {
				t.Errorf("%d files were open before and %d after", before, after)
			}
		})
	}
}

// put writes a file into a folder.
func put(path, name, content string) error {
	return errors.Join(os.MkdirAll(path, 0o700), os.WriteFile(filepath.Join(path, name), []byte(content), 0o600))
}

// openFiles counts the files that this process has open, where the system tells.
// On Windows what is open could not be removed after the test.
func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// TestNewerSchema is told from other errors.
func TestNewerSchema(t *testing.T) {
	path := t.TempDir()
	d := open(t, path, datadir.Config{})
	if _, err := d.Store.DB().ExecContext(t.Context(), "INSERT INTO orgexport_schema (version, applied_at) VALUES (1000, 0)"); err != nil {
		t.Fatal(err)
	}
	if _, err := datadir.Open(t.Context(), path, datadir.Config{}); !errors.Is(err, bunstore.ErrNewerSchema) {
		t.Errorf("got %v, want ErrNewerSchema", err)
	}
}

// An empty path, as of a variable that is not set, is not the working folder.
func TestOpenNowhere(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, err := datadir.Open(t.Context(), "", datadir.Config{}); err == nil {
		t.Error("it opens")
	}
	if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
		t.Errorf("there is %v, %v", left, err)
	}
}

func TestOpenEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := datadir.Open(ctx, t.TempDir(), datadir.Config{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}
