package prom

import (
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/felixge/httpsnoop"
)

// HTTP counts the requests that next answers. If next is an [http.ServeMux] or,
// as a handler of package httpapi, tells the pattern of a request in the same
// way, requests are labelled by that; handlers in it are asked in turn. All
// others are "other".
func (m *Metrics) HTTP(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, route := time.Now(), route(next, r)
		code := "aborted" // what it is if next panics
		m.requestsRunning.Inc()
		defer func() {
			m.requestsRunning.Dec()
			m.requestDuration.WithLabelValues(route, code).Observe(time.Since(began).Seconds())
		}()
		code = class(httpsnoop.CaptureMetrics(next, w, r).Code)
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

// class is the class of a status, such as 2xx.
func class(status int) string {
	if status < 100 || status > 599 {
		return "other"
	}
	return strconv.Itoa(status/100) + "xx"
}

// Downloads counts the downloads that next answers, such as a handler of package
// sign. A download is a GET that is answered with status 200 or 206; each range
// of an archive that is asked for is one. It is complete when all has been
// written that Content-Length says.
func (m *Metrics) Downloads(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			next.ServeHTTP(w, r)
			return
		}
		d := &download{metrics: m}
		defer d.end()
		next.ServeHTTP(httpsnoop.Wrap(w, d.hooks()), r)
		length, err := strconv.ParseInt(w.Header().Get("Content-Length"), 10, 64)
		if d.running && d.err == nil && (err != nil || d.sent == length) {
			m.downloadsWhole.Inc()
		}
	})
}

// download counts a response while it is written.
type download struct {
	metrics *Metrics
	begun   bool // the header is written
	running bool // it has status 200 or 206
	sent    int64
	err     error
}

func (d *download) hooks() httpsnoop.Hooks {
	return httpsnoop.Hooks{
		WriteHeader: func(write httpsnoop.WriteHeaderFunc) httpsnoop.WriteHeaderFunc {
			return func(status int) {
				d.begin(status)
				write(status)
			}
		},
		Write: func(write httpsnoop.WriteFunc) httpsnoop.WriteFunc {
			return func(p []byte) (int, error) {
				d.begin(http.StatusOK)
				n, err := write(p)
				d.wrote(int64(n), err)
				return n, err
			}
		},
		ReadFrom: func(read httpsnoop.ReadFromFunc) httpsnoop.ReadFromFunc {
			return func(src io.Reader) (int64, error) {
				d.begin(http.StatusOK)
				n, err := read(src)
				d.wrote(n, err)
				return n, err
			}
		},
	}
}

func (d *download) begin(status int) {
	if d.begun || status < http.StatusOK {
		return
	}
	d.begun = true
	if status == http.StatusOK || status == http.StatusPartialContent {
		d.running = true
		d.metrics.downloadsStarted.Inc()
		d.metrics.downloadsRunning.Inc()
	}
}

func (d *download) wrote(n int64, err error) {
	d.sent += n
	if err != nil {
		d.err = err
	}
	if d.running {
		d.metrics.downloadBytes.Add(float64(n))
	}
}

func (d *download) end() {
	if d.running {
		d.metrics.downloadsRunning.Dec()
	}
}
