package httpapi_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/jobs"
)

// spoil replaces the archive of a completed job of ours by what change makes of it. Nil
// deletes it.
func (w *world) spoil(id string, change func([]byte) []byte) {
	w.t.Helper()
	job, err := w.store.Get(w.t.Context(), ourOrg, id)
	if err != nil || job.Status != jobs.Completed {
		w.t.Fatalf("the job is %+v, %v", job, err)
	}
	if change == nil {
		if err := w.destination.Delete(w.t.Context(), job.ObjectKey); err != nil {
			w.t.Fatal(err)
		}
		return
	}
	r, err := w.destination.Open(w.t.Context(), job.ObjectKey)
	if err != nil {
		w.t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		w.t.Fatal(err)
	}
	b = change(append([]byte(nil), b...))
	err = w.destination.Put(w.t.Context(), job.ObjectKey, func(out io.Writer) error { _, err := out.Write(b); return err })
	if err != nil {
		w.t.Fatal(err)
	}
}

const damagedText = "The archive was lost or damaged where it was kept. Please request the export again."

// wantDamaged wants that a client sees a completed job without a link, which says why.
func wantDamaged(t *testing.T, status map[string]any) {
	t.Helper()
	if status["status"] != "completed" || status["download_url"] != nil || status["expires_at"] != nil || status["error"] != damagedText {
		t.Errorf("the client sees %v", status)
	}
}

// TestADamagedArchiveHasNoLink spoils an archive in each way that is seen at once, or by
// a scrub, and looks at it by polls, the list and events.
func TestADamagedArchiveHasNoLink(t *testing.T) {
	for name, c := range map[string]struct {
		change func([]byte) []byte
		scrub  bool
	}{
		"gone":      {nil, false},
		"truncated": {func(b []byte) []byte { return b[:len(b)-1] }, false},
		"changed":   {func(b []byte) []byte { b[len(b)/2] ^= 1; return b }, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			id := w.job("")
			w.work()
			poll := exports + ourOrg + "/" + id
			if w.send("GET", poll).text("download_url") == "" {
				t.Fatal("at first there is no link")
			}
			w.spoil(id, c.change)
			if c.scrub {
				r, err := w.service.Scrub(t.Context(), jobs.ScrubOptions{})
				if err != nil || r.Damaged != 1 {
					t.Errorf("Scrub gives %+v, %v", r, err)
				}
			}
			for range 3 {
				r := w.send("GET", poll)
				r.want(http.StatusOK)
				wantDamaged(t, r.json)
			}
			list := w.send("GET", exports+ourOrg)
			list.want(http.StatusOK)
			wantDamaged(t, list.json["data"].([]any)[0].(map[string]any))
			job, err := w.store.Get(t.Context(), ourOrg, id)
			if err != nil || job.DamagedAt.IsZero() {
				t.Errorf("the job is %+v, %v", job, err)
			}
		})
	}
}

// TestADamagedArchiveCanBeRequestedAgain posts the same request, and a retry, which takes
// over the parts that are kept.
func TestADamagedArchiveCanBeRequestedAgain(t *testing.T) {
	w := newWorld(t, nil)
	old := w.job("")
	w.work()
	w.spoil(old, nil)
	wantDamaged(t, w.send("GET", exports+ourOrg+"/"+old).json)
	for _, query := range []string{"", "?retry_of=" + old} {
		id := w.job(query)
		if id == old {
			t.Fatalf("POST %q gives the old job", query)
		}
		parts := func() int {
			job, err := w.store.Get(t.Context(), ourOrg, id)
			if err != nil {
				t.Fatal(err)
			}
			return len(job.Parts)
		}
		if n := parts(); (n == 3) != (query != "") {
			t.Errorf("POST %q begins with %d parts", query, n)
		}
		w.work()
		r := w.send("GET", exports+ourOrg+"/"+id)
		if r.text("status") != "completed" || r.text("download_url") == "" || r.json["error"] != nil {
			t.Errorf("after POST %q the job is %s", query, r.body)
		}
	}
	w.send("DELETE", exports+ourOrg+"/"+old).want(http.StatusNoContent)
	if r := w.send("GET", exports+ourOrg+"/"+old); r.text("status") != "completed" || r.json["error"] != nil || r.json["download_url"] != nil {
		t.Errorf("once it is deleted the job is %s", r.body)
	}
}

// TestEventsTellOfADamagedArchive: who has the last event and comes back is told.
func TestEventsTellOfADamagedArchive(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world, p *pipes) {
		id := w.create()
		w.update(id, completed)
		s := w.watch(p.dial(), "GET", id)
		last, _ := s.begin()
		s.end(0)
		w.update(id, func(j *jobs.Job) { j.DamagedAt = time.Now() })
		s = w.watch(p.dial(), "GET", id, withHeader("Last-Event-ID", last))
		if next, data := s.begin(); next == last || !strings.Contains(data, damagedText) {
			t.Errorf("the next event is %s %s", next, data)
		}
	})
}
