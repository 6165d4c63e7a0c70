package datadir_test

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orgexport/orgexport/adapters/datadir"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/audit/audittest"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
	"github.com/orgexport/orgexport/sign"
)

// TestKeysMadeAtOnce has several processes start with one folder that has no key
// file yet: each takes the links of all.
func TestKeysMadeAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "signing.keys")
	var keyrings [8]*sign.Keyring
	var all sync.WaitGroup
	for i := range keyrings {
		all.Go(func() {
			var err error
			if keyrings[i], err = datadir.OpenKeys(path); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
	for _, keys := range keyrings {
		link, err := newLinks(t, keys).Sign(t.Context(), export.NewID()+"/"+export.NewID()+"/1.zip", "a.zip", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if code := asks(t, keyrings[0], link.URL); code != http.StatusNotFound { // 403 if it were not signed
			t.Errorf("the link of another process gives %d", code)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("in the folder is %v, %v", entries, err)
	}
}

// noJobs knows no job.
type noJobs struct{}

func (noJobs) Get(context.Context, string, string) (jobs.Job, error) {
	return jobs.Job{}, export.ErrNotFound
}

func newLinks(t *testing.T, keys *sign.Keyring) *sign.Links {
	t.Helper()
	links, err := sign.New(sign.Config{
		Keys: keys, URL: "http://localhost/d", Jobs: noJobs{}, Destination: new(jobstest.MemDestination), Audit: new(audittest.MemLog),
	})
	if err != nil {
		t.Fatal(err)
	}
	return links
}

// asks returns what a node with those keys answers to a link to no archive.
func asks(t *testing.T, keys *sign.Keyring, link string) int {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	newLinks(t, keys).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, u.RequestURI(), nil))
	return w.Code
}

// TestKeysStay: a file that is there is read and not made again, and what a
// killed process has left beside it is removed.
func TestKeysStay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "signing.keys")
	first, err := datadir.OpenKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	link, err := newLinks(t, first).Sign(t.Context(), export.NewID()+"/"+export.NewID()+"/1.zip", "a.zip", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(filepath.Dir(path), ".orgexport-signing-123")
	kept := []string{left + "x", left + ".bak", filepath.Join(filepath.Dir(path), ".signing-keys.backup")}
	for _, name := range append(kept, left) {
		if err := os.WriteFile(name, []byte("half a k"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again, err := datadir.OpenKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	if code := asks(t, again, link.URL); code != http.StatusNotFound {
		t.Errorf("the link of the first start gives %d", code)
	}
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was left is there: %v", err)
	}
	for _, name := range kept {
		if _, err := os.Stat(name); err != nil {
			t.Errorf("a file of somebody else's is gone: %v", err)
		}
	}
}

func TestKeysOfOthersAreRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("skipped: modes tell nothing on Windows")
	}
	path := filepath.Join(t.TempDir(), "signing.keys")
	if _, err := datadir.OpenKeys(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := datadir.OpenKeys(path); err == nil || !strings.Contains(err.Error(), "can be read by others") {
		t.Errorf("got %v", err)
	}
}
