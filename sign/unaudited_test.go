package sign_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/sign"
)

// checkedTrail is a trail that cannot always be written.
type checkedTrail struct {
	audit.Log
	err    error
	checks int
}

func (t *checkedTrail) Check(context.Context) error {
	t.checks++
	return t.err
}

func (t *checkedTrail) Record(ctx context.Context, e audit.Entry) error {
	if t.err != nil {
		return t.err
	}
	return t.Log.Record(ctx, e)
}

// TestUnauditedDownloads: while downloads cannot be recorded they are served, or refused if
// that is configured. The trail is asked once a second.
func TestUnauditedDownloads(t *testing.T) {
	full := &export.OutageError{What: "the database", Kind: export.OutageFull, Err: errRead}
	for _, refuse := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var trail *checkedTrail
			w := newWorld(t, func(c *sign.Config) {
				trail = &checkedTrail{Log: c.Audit, err: full}
				c.Audit, c.RefuseUnaudited = trail, refuse
			})
			want := http.StatusOK
			if refuse {
				want = http.StatusServiceUnavailable
			}
			for range 10 {
				if rec := w.do(t, "GET", w.uri(t)); rec.Code != want {
					t.Errorf("refuse %t: status %d, %s", refuse, rec.Code, rec.Body)
				}
			}
			if rec := w.do(t, "HEAD", w.uri(t)); rec.Code != http.StatusOK {
				t.Errorf("refuse %t: HEAD gives %d", refuse, rec.Code)
			}
			if n := strings.Count(w.log.String(), "\n"); n != 1 || !strings.Contains(w.log.String(), "disk full") {
				t.Errorf("refuse %t: the log has %s", refuse, w.log)
			}
			if refuse && trail.checks != 1 || !refuse && trail.checks != 0 {
				t.Errorf("refuse %t: the trail was asked %d times", refuse, trail.checks)
			}
			trail.err = nil
			time.Sleep(time.Second)
			rec := w.do(t, "GET", w.uri(t))
			if err := w.handler.(*sign.Links).Flush(t.Context()); err != nil {
				t.Error(err)
			}
			served := int64(11) // all of them, those of before too
			if refuse {
				served = 1
			}
			var recorded int64
			for _, e := range w.trail.all() {
				recorded += max(e.Requests, 1)
			}
			if rec.Code != http.StatusOK || recorded != served {
				t.Errorf("refuse %t: with room again the status is %d, recorded %v", refuse, rec.Code, w.trail.all())
			}
		})
	}
}

// TestStoreOutage: what is down for now is not a mistake of the server.
func TestStoreOutage(t *testing.T) {
	w := newWorld(t)
	w.jobs.err = &export.OutageError{What: "the database", Kind: export.OutageConnection, Err: errRead}
	if rec := w.do(t, "GET", w.uri(t)); rec.Code != http.StatusServiceUnavailable || strings.Contains(rec.Body.String(), errRead.Error()) {
		t.Errorf("status %d, %s", rec.Code, rec.Body)
	}
}
