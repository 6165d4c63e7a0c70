package prom_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orgexport/orgexport/adapters/prom"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access/accesstest"
	"github.com/orgexport/orgexport/export/audit/audittest"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
	"github.com/orgexport/orgexport/httpapi"
	"github.com/orgexport/orgexport/sign"
)

func newMetrics(t *testing.T) *prom.Metrics {
	t.Helper()
	m, err := prom.New(prom.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// send sends a request and returns the status and the body of the response.
func send(t *testing.T, method, url string, header ...string) (int, string, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		if header[i] != "" {
			request.Header.Set(header[i], header[i+1])
		}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

// TestRoutesAreBounded sends paths of all kinds to the API: there are no more
// series than operations and classes of status.
func TestRoutesAreBounded(t *testing.T) {
	w := newWorld(t)
	api, err := httpapi.New(httpapi.Config{Service: w.Service, Keys: new(accesstest.MemKeys)})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux() // a host's
	mux.Handle("/", api)
	mux.HandleFunc("POST /panic/{what}", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	server := httptest.NewServer(w.metrics.HTTP(mux))
	defer server.Close()
	const exports = "/dashboard/api/v1/data-export/"
	for n := range 50 {
		id := fmt.Sprintf("planted%d", n)
		for _, request := range [][2]string{
			{"GET", exports + id}, {"POST", exports + id}, {"GET", exports + id + "/" + id}, {"DELETE", exports + id + "/" + id},
			{"PLANTED" + rand.Text(), exports + id}, {"GET", "/" + id}, {"GET", "/healthz?planted=" + id}, {"GET", "/readyz"},
		} {
			if _, _, err := send(t, request[0], server.URL+request[1]); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := send(t, "POST", server.URL+"/panic/"+id); err == nil {
			t.Error("the panic was answered")
		}
	}
	got := w.scrape(t)
	for labels, want := range map[string]float64{
		"code=4xx route=GET " + exports + "{organization_id}":             50,
		"code=4xx route=POST " + exports + "{organization_id}":            50,
		"code=4xx route=GET " + exports + "{organization_id}/{job_id}":    50,
		"code=4xx route=DELETE " + exports + "{organization_id}/{job_id}": 50,
		"code=2xx route=GET /healthz":                                     50,
		"code=aborted route=POST /panic/{what}":                           50,
	} {
		code, route, _ := strings.Cut(labels, " ")
		if got := value(got, "orgexport_http_request_duration_seconds", code, route); got != want {
			t.Errorf("%s has %v requests, want %v", labels, got, want)
		}
	}
	if n := len(got["orgexport_http_request_duration_seconds"].GetMetric()); n > 9 {
		t.Errorf("there are %d series", n)
	}
	if value(got, "orgexport_http_requests_in_flight") != 0 {
		t.Error("requests are in flight for ever")
	}
	for name, f := range got {
		if text := f.String(); strings.Contains(text, "planted") || strings.Contains(text, "PLANTED") {
			t.Errorf("%s tells what was sent: %s", name, text)
		}
	}
}

// TestDownloads downloads from the handler of package sign: whole, a range, and
// to who goes away.
func TestDownloads(t *testing.T) {
	m := newMetrics(t)
	destination, trail := new(jobstest.MemDestination), new(audittest.MemLog)
	const size = 32 << 20
	job := jobs.Job{
		ID: "2222222222222222222222", Organization: export.Organization{ID: acme}, Status: jobs.Completed, Attempt: 1,
		Filename: "a.zip", Size: size, SHA256: make([]byte, 32), FinishedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour),
	}
	job.ObjectKey = acme + "/" + job.ID + "/1.zip"
	err := destination.Put(t.Context(), job.ObjectKey, func(w io.Writer) error {
		_, err := io.CopyN(w, strings.NewReader(strings.Repeat("x", size)), size)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := sign.NewKeyring(sign.Key{ID: "k", Secret: []byte(strings.Repeat("k", 32))})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	links, err := sign.New(sign.Config{
		Keys: keys, URL: "http://" + server.Listener.Addr().String(), Jobs: oneJob(job), Destination: destination, Audit: trail,
	})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = m.Downloads(links)
	server.Start()
	defer server.Close()
	link, err := links.Sign(t.Context(), job.ObjectKey, job.Filename, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, url, header, value string
		status                     int
	}{
		{"GET", link.URL, "", "", http.StatusOK},
		{"GET", link.URL, "Range", "bytes=0-999", http.StatusPartialContent},
		{"GET", link.URL, "Range", "bytes=0-9,20-29", http.StatusPartialContent},
		{"GET", link.URL, "Range", fmt.Sprintf("bytes=%d-", size), http.StatusRequestedRangeNotSatisfiable},
		{"HEAD", link.URL, "", "", http.StatusOK},
		{"GET", link.URL + "0", "", "", http.StatusForbidden},
	} {
		status, _, err := send(t, c.method, c.url, c.header, c.value)
		if err != nil || status != c.status {
			t.Fatalf("%+v: %v, %v", c, status, err)
		}
	}
	leave(t, m, link.URL)
	var bytes float64
	var whole, all float64
	if err := links.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	entries, err := trail.Entries(t.Context(), acme, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		requests := float64(max(e.Requests, 1))
		all += requests
		bytes += float64(e.Bytes)
		if e.Complete {
			whole += requests
		}
	}
	got := gather(t, m)
	for name, want := range map[string]float64{
		"orgexport_downloads_started_total": 4, "orgexport_downloads_completed_total": 3, "orgexport_downloads_running": 0,
		"orgexport_download_bytes_total": bytes,
	} {
		if got := value(got, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if all != 4 || whole != 3 || bytes < size+1020 {
		t.Errorf("the trail has %v downloads, %v of them whole, of %v bytes", all, whole, bytes)
	}
}

// leave begins a download and goes away.
func leave(t *testing.T, m *prom.Metrics, link string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, link, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got := value(gather(t, m), "orgexport_downloads_running"); got != 1 {
		t.Errorf("%v downloads are running, want 1", got)
	}
	cancel()
	for value(gather(t, m), "orgexport_downloads_running") != 0 {
		select {
		case <-t.Context().Done():
			t.Fatal("the download does not end")
		case <-time.After(time.Millisecond):
		}
	}
}

// oneJob is all that there are.
type oneJob jobs.Job

func (j oneJob) Get(context.Context, string, string) (jobs.Job, error) { return jobs.Job(j), nil }

// TestWriters passes on what a writer can do beside writing.
func TestWriters(t *testing.T) {
	m := newMetrics(t)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Errorf("Flush: %v", err)
		}
		if _, err := io.Copy(w, strings.NewReader("text")); err != nil {
			t.Error(err)
		}
	})
	server := httptest.NewServer(m.HTTP(m.Downloads(handler)))
	defer server.Close()
	if _, body, err := send(t, "GET", server.URL); err != nil || body != "text" {
		t.Errorf("the body is %q, %v", body, err)
	}
	got := gather(t, m)
	if value(got, "orgexport_download_bytes_total") != 4 || value(got, "orgexport_downloads_completed_total") != 1 ||
		value(got, "orgexport_http_request_duration_seconds", "code=2xx", "route=other") != 1 {
		t.Error("the request is not counted")
	}
}

// TestStatus: what counts is the status that the client got, however it was
// written.
func TestStatus(t *testing.T) {
	m := newMetrics(t)
	mux := http.NewServeMux()
	for path, handler := range map[string]http.HandlerFunc{
		"/nothing": func(http.ResponseWriter, *http.Request) {},
		"/hints": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusNotFound)
		},
		"/twice": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "text")
			w.WriteHeader(http.StatusInternalServerError)
		},
		"/failed": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"/panic":  func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"/late": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "text")
			panic(http.ErrAbortHandler)
		},
		"/hijack": func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return // it is HTTP/2
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
			conn.Close()
		},
	} {
		mux.HandleFunc("POST "+path, handler)
	}
	codes := map[string]string{
		"/nothing": "2xx", "/hints": "4xx", "/twice": "2xx", "/failed": "5xx", "/panic": "aborted", "/late": "aborted", "/hijack": "2xx",
	}
	for version := 1; version <= 2; version++ {
		counted := m.HTTP(mux)
		var handlers sync.WaitGroup // a server does not wait for those that hijack
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			handlers.Add(1)
			defer handlers.Done()
			counted.ServeHTTP(w, r)
		}))
		server.EnableHTTP2 = version == 2
		server.StartTLS()
		for path := range codes {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			response, err := server.Client().Do(request)
			if err != nil { // it is broken off
				continue
			}
			_, _ = io.Copy(io.Discard, response.Body)
			response.Body.Close()
			if response.ProtoMajor != version {
				t.Errorf("%s is answered by %s, want HTTP/%d", path, response.Proto, version)
			}
		}
		server.Close()
		handlers.Wait()
		for path, code := range codes {
			if n := value(gather(t, m), "orgexport_http_request_duration_seconds", "code="+code, "route=POST "+path); n != float64(version) {
				t.Errorf("HTTP/%d: %s has %v requests counted as %s", version, path, n, code)
			}
		}
	}
}
