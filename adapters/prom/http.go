package prom

import (
	"io"
	"net/http"
	"strconv"
	"time"
)

// HTTP counts the requests that next answers. If next is an [http.ServeMux] or,
// as a handler of package httpapi, tells the pattern of a request in the same
// way, requests are labelled by that; handlers in it are asked in turn. All
// others are "other".
func (m *Metrics) HTTP(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		began, route := time.Now(), route(next, r)
		w := &response{ResponseWriter: rw}
		code := "aborted" // what it is if next panics
		m.requestsRunning.Inc()
		defer func() {
			m.requestsRunning.Dec()
			m.requestDuration.WithLabelValues(route, code).Observe(time.Since(began).Seconds())
		}()
		next.ServeHTTP(w, r)
		code = class(w.status)
	})
}

// route is the pattern of the innermost mux that knows the request.
func route(h http.Handler, r *http.Request) string {
	found := "other"
	for range 5 { // a mux may lead to itself
		router, ok := h.(interface {
			Handler(r *http.Request) (http.Handler, string)
		})
		if !ok {
			break
		}
		var pattern string
		if h, pattern = router.Handler(r); pattern == "" {
			break
		}
		found = pattern
	}
	return found
}

// class is the class of a status, such as 2xx. A handler that wrote nothing has
// answered with status 200.
func class(status int) string {
	switch {
	case status == 0:
		return "2xx"
	case status < 100 || status > 599:
		return "other"
	}
	return strconv.Itoa(status/100) + "xx"
}

// Downloads counts the downloads that next answers, such as a handler of package
// sign. A download is a GET that is answered with status 200 or 206; each range
// of an archive that is asked for is one. It is complete when all has been
// written that Content-Length says.
func (m *Metrics) Downloads(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			next.ServeHTTP(rw, r)
			return
		}
		w := &response{ResponseWriter: rw, sent: func(n int64) { m.downloadBytes.Add(float64(n)) }}
		w.began = func() {
			m.downloadsStarted.Inc()
			m.downloadsRunning.Inc()
		}
		defer func() {
			if w.downloads() {
				m.downloadsRunning.Dec()
			}
		}()
		next.ServeHTTP(w, r)
		length, err := strconv.ParseInt(w.Header().Get("Content-Length"), 10, 64)
		if w.downloads() && w.err == nil && (err != nil || w.count == length) {
			m.downloadsWhole.Inc()
		}
	})
}

// response is a writer that takes note of what is written.
type response struct {
	http.ResponseWriter
	began func()        // is told of a body with status 200 or 206; may be nil
	sent  func(n int64) // is told of the bytes of such a body; may be nil

	status int // 0 until the header is written
	count  int64
	err    error
}

// WriteHeader implements [http.ResponseWriter].
func (w *response) WriteHeader(status int) {
	w.begin(status)
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) begin(status int) {
	if w.status != 0 || status < http.StatusOK {
		return
	}
	w.status = status
	if w.began != nil && w.downloads() {
		w.began()
	}
}

func (w *response) downloads() bool {
	return w.status == http.StatusOK || w.status == http.StatusPartialContent
}

// Write implements [http.ResponseWriter].
func (w *response) Write(p []byte) (int, error) {
	w.begin(http.StatusOK)
	n, err := w.ResponseWriter.Write(p)
	w.wrote(int64(n), err)
	return n, err
}

// ReadFrom lets a file be sent without a copy of it in memory.
func (w *response) ReadFrom(src io.Reader) (int64, error) {
	w.begin(http.StatusOK)
	n, err := io.Copy(w.ResponseWriter, src)
	w.wrote(n, err)
	return n, err
}

func (w *response) wrote(n int64, err error) {
	w.count += n
	if err != nil {
		w.err = err
	}
	if w.sent != nil && w.downloads() {
		w.sent(n)
	}
}

// Unwrap is for [http.ResponseController].
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }
