package wire

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/exporttest"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
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
			if keyrings[i], err = openKeys(config.Signing{KeyFile: config.Text{Value: path}}); err != nil {
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
		Keys: keys, URL: "http://localhost/d", Jobs: noJobs{}, Destination: new(exporttest.MemDestination), Trail: new(exporttest.MemTrail),
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
