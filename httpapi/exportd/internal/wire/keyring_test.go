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
	"github.com/orgexport/orgexport/export/audit/audittest"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/sign"
)

// TestRingMadeAtOnce has several processes start with one folder that has no key
// file yet: each takes the links of all.
func TestRingMadeAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "signing.keys")
	var rings [8]*sign.Ring
	var all sync.WaitGroup
	for i := range rings {
		all.Go(func() {
			var err error
			if rings[i], err = openRing(config.Signing{KeyFile: config.Text{Value: path}}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
	for _, ring := range rings {
		signer, err := sign.NewSigner(sign.Config{Ring: ring, BaseURL: "http://localhost/d"})
		if err != nil {
			t.Fatal(err)
		}
		link, err := signer.Sign(t.Context(), export.NewID()+"/"+export.NewID()+"/1.zip", "a.zip", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if code := asks(t, rings[0], link.URL); code != http.StatusNotFound { // 403 if it were not signed
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

// asks returns what a node with a ring answers to a link to no archive.
func asks(t *testing.T, ring *sign.Ring, link string) int {
	t.Helper()
	handler, err := sign.NewHandler(sign.HandlerConfig{
		Ring: ring, Prefix: "/d", Jobs: noJobs{}, Destination: new(jobstest.MemDestination), Trail: new(audittest.MemTrail),
	})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, u.RequestURI(), nil))
	return w.Code
}
