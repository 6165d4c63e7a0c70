package httpapi_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

// create stores a job.
func (w *world) create() string {
	w.t.Helper()
	job, _, err := w.service.Create(w.t.Context(), exportOf(ourOrg))
	if err != nil {
		w.t.Fatal(err)
	}
	return job.ID
}

// update changes a job as a worker in another process does.
func (w *world) update(id string, change func(j *jobs.Job)) {
	w.t.Helper()
	err := w.destination.Put(w.t.Context(), "key", func(out io.Writer) error { _, err := io.WriteString(out, "archive"); return err })
	if err != nil {
		w.t.Fatal(err)
	}
	_, err = w.store.Update(w.t.Context(), id, func(_ time.Time, j *jobs.Job) error {
		change(j)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// progressed is a job of which that many records were written.
func progressed(records int64) func(j *jobs.Job) {
	return func(j *jobs.Job) {
		j.Status, j.Progress = jobs.Processing, []jobs.SectionProgress{{Key: "products", Records: records}}
	}
}

// completed is a job with the archive that update has stored.
func completed(j *jobs.Job) {
	j.Status, j.Progress, j.ObjectKey, j.Filename, j.Size = jobs.Completed, nil, "key", "a.zip", 7
	j.Results = []export.SectionResult{{Key: "products", Status: export.StatusOK, Records: 9}}
	j.FinishedAt, j.ExpiresAt = time.Now(), time.Now().Add(time.Hour)
}

func wantData(t *testing.T, got string, want map[string]any) {
	t.Helper()
	var data map[string]any
	if err := json.Unmarshal([]byte(got), &data); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(data, want) {
		t.Errorf("the event is\n%v, want\n%v", data, want)
	}
}

// TestEvents watches a job that another process runs, from its request to its
// link.
func TestEvents(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world, p *pipes) {
		id := w.create()
		s := w.watch(p.dial(), "GET", id)
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "X-Accel-Buffering": "no", "RateLimit-Remaining": "299", "Retry-After": "",
		} {
			if got := s.Header.Get(name); got != want {
				t.Errorf("header field %s is %q, want %q", name, got, want)
			}
		}
		begin := time.Now()
		fields := map[string]any{
			"job_id": id, "status": "pending", "archive_format": "zip", "format_version": "1.0", "file_size_bytes": 0.0,
			"sections": []any{}, "progress": []any{}, "output_filename": nil, "download_url": nil, "expires_at": nil, "error": nil,
		}
		first, data := s.begin()
		wantData(t, data, fields)

		w.update(id, func(j *jobs.Job) {
			j.Status = jobs.Processing
			j.Progress = []jobs.SectionProgress{
				{Key: "products", Records: 3, Binaries: 2, Bytes: 100, Done: 1, Total: 4}, {Key: "organization", Records: 1},
			}
		})
		second, data := s.event()
		fields["status"] = "processing"
		fields["progress"] = []any{ // in the order of the archive
			map[string]any{"key": "organization", "record_count": 1.0, "binary_count": 0.0, "bytes": 0.0},
			map[string]any{"key": "products", "record_count": 3.0, "binary_count": 2.0, "bytes": 100.0, "done": 1.0, "total": 4.0},
		}
		wantData(t, data, fields)
		if got := time.Since(begin); got != 50*time.Millisecond || first == second {
			t.Errorf("the second event comes after %v with the id %q, the first has %q", got, second, first)
		}

		time.Sleep(2*time.Second + time.Millisecond) // nothing has changed but the order, which no client sees
		w.update(id, func(j *jobs.Job) { j.Progress[0], j.Progress[1] = j.Progress[1], j.Progress[0] })
		for i := range 2 {
			s.want(":")
			if got := time.Since(begin); got != time.Duration(i+1)*15*time.Second {
				t.Errorf("a heartbeat comes after %v", got)
			}
		}

		w.update(id, func(j *jobs.Job) {
			j.Results = []export.SectionResult{{Key: "organization", Status: export.StatusOK, Records: 1}}
		})
		_, data = s.event()
		fields["sections"] = []any{map[string]any{"key": "organization", "status": "ok", "record_count": 1.0}}
		fields["progress"] = fields["progress"].([]any)[1:]
		wantData(t, data, fields)

		w.update(id, completed)
		_, data = s.event()
		var last map[string]any
		if err := json.Unmarshal([]byte(data), &last); err != nil {
			t.Fatal(err)
		}
		wantData(t, data, map[string]any{
			"job_id": id, "status": "completed", "archive_format": "zip", "format_version": "1.0", "file_size_bytes": 7.0,
			"output_filename": "a.zip", "download_url": last["download_url"], "expires_at": last["expires_at"], "progress": []any{}, "error": nil,
			"sections": []any{map[string]any{"key": "products", "status": "ok", "record_count": 9.0}},
		})
		if url, _ := last["download_url"].(string); url == "" {
			t.Errorf("the last event has no link: %s", data)
		}
		s.end(0)
		entries, err := w.trail.Entries(t.Context(), ourOrg, 10)
		if err != nil || len(entries) != 1 || entries[0].Action != "export.linked" || !strings.HasPrefix(entries[0].Actor, "key:") {
			t.Errorf("the trail has %+v, %v", entries, err)
		}
	})
}

// TestFailedJob: a stream ends with it as well.
func TestFailedJob(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world, p *pipes) {
		id := w.create()
		s := w.watch(p.dial(), "GET", id)
		s.begin()
		w.update(id, func(j *jobs.Job) { j.Status, j.Error = jobs.Failed, "It failed." })
		if _, data := s.event(); !strings.Contains(data, `"error":"It failed."`) || !strings.Contains(data, `"download_url":null`) {
			t.Errorf("the last event is %s", data)
		}
		s.end(0)
	})
}

// TestLastEventID: what a client has got already is not sent again.
func TestLastEventID(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world, p *pipes) {
		id := w.create()
		w.update(id, progressed(1))
		s := w.watch(p.dial(), "GET", id, withHeader("Last-Event-ID", "nonsense"))
		last, _ := s.begin()
		_ = s.conn.Close()

		s = w.watch(p.dial(), "GET", id, withHeader("Last-Event-ID", last))
		s.want("retry: 2000")
		s.want(":")
		w.update(id, progressed(2))
		if got, data := s.event(); got == last || !strings.Contains(data, `"record_count":2`) {
			t.Errorf("the next event is %s %s", got, data)
		}
		w.update(id, completed)
		last, _ = s.event()
		s.end(0)

		s = w.watch(p.dial(), "GET", id)
		again, data := s.begin()
		if again != last || !strings.Contains(data, `"download_url":"`) {
			t.Errorf("a new client gets %s %s, want %s", again, data, last)
		}
		s.end(0)
		conn := p.dial()
		s = w.watch(conn, "GET", id, withHeader("Last-Event-ID", last))
		if s.StatusCode != http.StatusNoContent { // a browser does not come back then
			t.Errorf("who has got all gets status %d", s.StatusCode)
		}
		w.watch(conn, "GET", id).begin() // on the same connection
	})
}

// TestHead answers at once.
func TestHead(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world, p *pipes) {
		id, conn := w.create(), p.dial()
		for range 2 {
			s := w.watch(conn, "HEAD", id)
			if got := s.Header.Get("Content-Type"); s.StatusCode != http.StatusOK || got != "text/event-stream" {
				t.Errorf("HEAD gives %d %q", s.StatusCode, got)
			}
		}
		w.watch(conn, "GET", id).begin()
	})
}

// TestStopping: a server that stops ends its streams, and nothing is lost.
func TestStopping(t *testing.T) {
	stopping := make(chan struct{})
	inBubble(t, func(w *world) {
		stopping = make(chan struct{})
		w.config.Stopping = stopping
	}, func(t *testing.T, w *world, p *pipes) {
		id := w.create()
		s := w.watch(p.dial(), "GET", id)
		last, _ := s.begin()
		time.Sleep(14 * time.Second) // longer than an event may take
		close(stopping)
		s.end(0)
		s = w.watch(p.dial(), "GET", id, withHeader("Last-Event-ID", last))
		s.want("retry: 2000")
		s.end(0)
	})
}

// TestOneReadASecond of each job, whatever the number of clients, and none once
// they have gone.
func TestOneReadASecond(t *testing.T) {
	inBubble(t, func(w *world) { w.config.Streams.PerPrincipal = 20 }, func(t *testing.T, w *world, p *pipes) {
		ids := []string{w.create()}
		job, _, err := w.service.Create(t.Context(), jobs.Request{OrganizationID: ourOrg, Format: "tar.gz"})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, job.ID)
		var clients []*watching
		for i := range 20 {
			s := w.watch(p.dial(), "GET", ids[i%2])
			s.begin()
			clients = append(clients, s)
		}
		reads := func(d time.Duration) int64 {
			before := w.touches.Load()
			time.Sleep(d)
			return w.touches.Load() - before
		}
		if got := reads(10*time.Second + time.Millisecond); got != 26 {
			t.Errorf("20 clients of 2 jobs make %d reads in 10 seconds, want 26, of which 10 in the first two", got)
		}
		for i, s := range clients {
			if i != 1 {
				_ = s.conn.Close()
			}
		}
		synctest.Wait()
		if got := reads(10 * time.Second); got != 10 {
			t.Errorf("the client that is left makes %d reads in 10 seconds, want 10", got)
		}
		_ = clients[1].conn.Close()
		synctest.Wait()
		if got := reads(time.Minute); got != 0 {
			t.Errorf("nobody makes %d reads", got)
		}
	})
}

// TestSlowReader: who stops reading is dropped, and the others and the job do not
// notice.
func TestSlowReader(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world, p *pipes) {
		id := w.create()
		slow, quick := w.watch(p.dial(), "GET", id), w.watch(p.dial(), "GET", id)
		slow.begin()
		begin := time.Now()
		quick.begin()
		for i := range 30 {
			at := time.Now()
			w.update(id, progressed(int64(i)))
			if got := time.Since(at); got != 0 {
				t.Errorf("the job waits for %v", got)
			}
			if _, data := quick.event(); !strings.Contains(data, `"processing"`) {
				t.Errorf("the quick one gets %s", data)
			}
			if got, want := time.Since(begin), readAfter(i); got != want {
				t.Errorf("event %d comes after %v, want %v", i, got, want)
			}
		}
		// The first event did not get through within 10 seconds.
		if n, err := slow.conn.Read(make([]byte, 1<<10)); err == nil {
			t.Errorf("the slow one still gets %d bytes", n)
		}
		_ = quick.conn.Close()
		synctest.Wait()
		before := w.touches.Load()
		time.Sleep(10 * time.Second)
		if w.touches.Load() != before {
			t.Error("the slow one is still watching")
		}
	})
}

// readAfter is how long after the beginning a watched job is read for the n-th time, from 0
// on.
func readAfter(n int) time.Duration {
	if n < 5 {
		return 50 * time.Millisecond * time.Duration(2<<n-1)
	}
	return readAfter(4) + time.Duration(n-4)*time.Second
}

// TestStoreFails: the stream waits for better times, and the log is not flooded.
func TestStoreFails(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world, p *pipes) {
		id := w.create()
		one, two := w.watch(p.dial(), "GET", id), w.watch(p.dial(), "GET", id)
		one.begin()
		two.begin()
		for n := range 5 {
			w.faults.Fail("Store.Get", n+1, errSecret)
		}
		w.update(id, progressed(1))
		begin := time.Now()
		one.event()
		two.event()
		if got, want := time.Since(begin), readAfter(5); got != want {
			t.Errorf("the event comes after %v, want %v", got, want)
		}
		if n := strings.Count(w.log.String(), "watched job not read"); n != 1 {
			t.Errorf("the log tells of it %d times: %s", n, w.log.String())
		}
		w.faults.Fail("Signer.Sign", 1, errSecret) // of whoever is first
		w.update(id, completed)
		var events int
		for _, s := range []*watching{one, two} {
			if _, ok := s.read(); ok {
				events++
				s.end(0)
			}
		}
		if events != 1 || strings.Count(w.log.String(), "event not sent") != 1 {
			t.Errorf("%d of 2 clients get the last event: %s", events, w.log.String())
		}
	})
}

// plainWriter hides what a writer can do besides.
type plainWriter struct{ http.ResponseWriter }

// TestHostThatHides: streams through a host's writer that cannot be flushed are
// errors and not silence.
func TestHostThatHides(t *testing.T) {
	inBubble(t, func(w *world) {
		w.config.MayExport = nil
	}, func(t *testing.T, w *world, _ *pipes) {
		id := w.create()
		p := newPipes()
		server := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			w.handler.ServeHTTP(plainWriter{rw}, r)
		})}
		go func() { _ = server.Serve(p) }()
		s := w.watch(p.dial(), "GET", id)
		if s.StatusCode != http.StatusInternalServerError || !strings.Contains(w.log.String(), "httpapi: stream events") {
			t.Errorf("the status is %d, the log %s", s.StatusCode, w.log.String())
		}
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestWatchersLeave: a client that goes while the store does not answer leaves
// nothing behind, which the bubble checks.
func TestWatchersLeave(t *testing.T) {
	stuck := make(chan struct{})
	inBubble(t, func(w *world) {
		stuck = make(chan struct{}, 1)
		w.serviceConfig.Store = stuckStore{w.store, stuck}
		var err error
		if w.config.Service, err = jobs.New(w.serviceConfig); err != nil {
			t.Fatal(err)
		}
	}, func(_ *testing.T, w *world, p *pipes) {
		id := w.create()
		s := w.watch(p.dial(), "GET", id)
		s.begin()
		stuck <- struct{}{}
		time.Sleep(3 * time.Second)
		_ = s.conn.Close()
	})
}

// stuckStore does not answer once the channel has something in it.
type stuckStore struct {
	jobs.Store
	stuck chan struct{}
}

func (s stuckStore) Get(ctx context.Context, organizationID, jobID string) (jobs.Job, error) {
	if len(s.stuck) > 0 {
		<-ctx.Done()
		return jobs.Job{}, context.Cause(ctx)
	}
	return s.Store.Get(ctx, organizationID, jobID)
}
