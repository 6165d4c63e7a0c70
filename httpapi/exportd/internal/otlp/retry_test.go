package otlp_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/otlp"
)

// pipes is a network in memory: its connections wait in a way that a bubble understands.
type pipes struct {
	ended    chan struct{}
	once     sync.Once
	accepted chan net.Conn
	refuse   atomic.Int64 // that many connections, first
	dials    atomic.Int64
	open     atomic.Int64
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accepted:
		return c, nil
	case <-p.ended:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.ended) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	p.dials.Add(1)
	if p.refuse.Add(-1) >= 0 {
		return nil, errors.New("connection refused")
	}
	here, there := net.Pipe()
	select {
	case p.accepted <- there:
		p.open.Add(1)
		return &counted{Conn: here, open: &p.open}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// counted is a connection that is counted until it is closed.
type counted struct {
	net.Conn
	open *atomic.Int64
	once sync.Once
}

func (c *counted) Close() error {
	c.once.Do(func() { c.open.Add(-1) })
	return c.Conn.Close()
}

// serve starts a collector in the bubble, and returns a client of it. What it returns ends both.
func serve(t *testing.T, h http.Handler, refuse int64, environment map[string]string) (*otlp.Client, *pipes, func()) {
	t.Helper()
	p := &pipes{ended: make(chan struct{}), accepted: make(chan net.Conn)}
	p.refuse.Store(refuse)
	server := &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), ReadHeaderTimeout: time.Hour}
	var around sync.WaitGroup
	around.Go(func() { _ = server.Serve(p) })
	client, _ := newClient(t, "http://collector.example.com/v1/traces", environment)
	otlp.SetDial(client, p.dial)
	return client, p, func() {
		_ = client.Stop(t.Context())
		_ = server.Close()
		around.Wait()
	}
}

// tries answers by a list, the last of which is for all that come then, and notes when.
type tries struct {
	mu      sync.Mutex
	answers []http.HandlerFunc
	at      []time.Time
}

func (s *tries) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	answer := s.answers[min(len(s.at), len(s.answers)-1)]
	s.at = append(s.at, time.Now())
	s.mu.Unlock()
	_, _ = io.Copy(io.Discard, r.Body) // only then a server learns that its client is gone
	answer(w, r)
}

// begun returns when the requests came.
func (s *tries) begun() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.at)
}

// Collectors of some kinds.
func code(n int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(n)
	}
}

// wanting answers with Retry-After, in seconds from now.
func wanting(d time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		code(503, "Retry-After", time.Now().Add(d).UTC().Format(http.TimeFormat))(w, r)
	}
}

func hangs(_ http.ResponseWriter, r *http.Request)  { <-r.Context().Done() }
func closes(_ http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }

// begins answers with success and part of a body, and hangs.
func begins(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-protobuf")
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

// stops begins an answer of a length, and closes.
func stops(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		w.WriteHeader(n)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// When is a request sent again, how often, and for how long.
func TestRetries(t *testing.T) {
	t.Parallel()
	const s = time.Second
	list := func(answers ...http.HandlerFunc) []http.HandlerFunc { return answers }
	for name, c := range map[string]struct {
		answers     []http.HandlerFunc
		refuse      int64
		environment map[string]string
		tries       [2]int           // that reach the collector, from and to
		took        [2]time.Duration // from and to
		err         string           // none if it is empty
	}{
		"at once":               {answers: list(code(200)), tries: [2]int{1, 1}},
		"429":                   {answers: list(code(429), code(200)), tries: [2]int{2, 2}, took: [2]time.Duration{2500 * time.Millisecond, 7500 * time.Millisecond}},
		"502":                   {answers: list(code(502), code(200)), tries: [2]int{2, 2}, took: [2]time.Duration{2500 * time.Millisecond, 7500 * time.Millisecond}},
		"503, 504":              {answers: list(code(503), code(504), code(200)), tries: [2]int{3, 3}, took: [2]time.Duration{6250 * time.Millisecond, 18750 * time.Millisecond}},
		"for ever":              {answers: list(code(503)), tries: [2]int{4, 10}, took: [2]time.Duration{15 * s, 60 * s}, err: "no time to try again: the collector answers 503 Service Unavailable"},
		"seconds":               {answers: list(code(429, "Retry-After", "20"), code(200)), tries: [2]int{2, 2}, took: [2]time.Duration{20 * s, 20 * s}},
		"seconds of 504":        {answers: list(code(504, "Retry-After", "20"), code(200)), tries: [2]int{2, 2}, took: [2]time.Duration{20 * s, 20 * s}},
		"a date":                {answers: list(wanting(20*s), code(200)), tries: [2]int{2, 2}, took: [2]time.Duration{20 * s, 20 * s}},
		"a date that is over":   {answers: list(wanting(-time.Hour), code(200)), tries: [2]int{2, 2}, took: [2]time.Duration{2500 * time.Millisecond, 7500 * time.Millisecond}},
		"sooner than backoff":   {answers: list(code(503, "Retry-After", "1"), code(200)), tries: [2]int{2, 2}, took: [2]time.Duration{2500 * time.Millisecond, 7500 * time.Millisecond}},
		"nonsense":              {answers: list(code(503, "Retry-After", "soon"), code(200)), tries: [2]int{2, 2}, took: [2]time.Duration{2500 * time.Millisecond, 7500 * time.Millisecond}},
		"an hour":               {answers: list(code(503, "Retry-After", "3600")), tries: [2]int{1, 1}, err: "no time to try again"},
		"ages":                  {answers: list(code(503, "Retry-After", "9223372036854775807")), tries: [2]int{1, 1}, err: "no time to try again"},
		"ages, the second time": {answers: list(code(503), code(503, "Retry-After", "9223372036854775807")), tries: [2]int{2, 2}, took: [2]time.Duration{2500 * time.Millisecond, 7500 * time.Millisecond}, err: "no time to try again"},
		"refused":               {answers: list(code(200)), refuse: 2, tries: [2]int{1, 1}, took: [2]time.Duration{6250 * time.Millisecond, 18750 * time.Millisecond}},
		"always refused":        {answers: list(code(200)), refuse: 1 << 30, took: [2]time.Duration{15 * s, 60 * s}, err: "no time to try again: connection refused"},
		"closes":                {answers: list(closes, code(200)), tries: [2]int{2, 2}, took: [2]time.Duration{2500 * time.Millisecond, 7500 * time.Millisecond}},
		"never answers":         {answers: list(hangs), tries: [2]int{3, 5}, took: [2]time.Duration{40 * s, 70 * s}, err: "no time to try again: context deadline exceeded"},
		"answers late":          {answers: list(hangs, code(200)), tries: [2]int{2, 2}, took: [2]time.Duration{12500 * time.Millisecond, 17500 * time.Millisecond}},
		"timeout":               {answers: list(hangs, code(200)), environment: map[string]string{"OTEL_EXPORTER_OTLP_TIMEOUT": "100"}, tries: [2]int{2, 2}, took: [2]time.Duration{2600 * time.Millisecond, 7600 * time.Millisecond}},
		"timeout of traces":     {answers: list(hangs, code(200)), environment: map[string]string{"OTEL_EXPORTER_OTLP_TIMEOUT": "100", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "60000"}, tries: [2]int{1, 1}, took: [2]time.Duration{60 * s, 60 * s}, err: "no time to try again"},
		"half an answer":        {answers: list(begins), tries: [2]int{1, 1}, took: [2]time.Duration{10 * s, 10 * s}}, // it is a success
		"half a 200":            {answers: list(stops(200)), tries: [2]int{1, 1}},
		"half a 503":            {answers: list(stops(503), code(200)), tries: [2]int{2, 2}, took: [2]time.Duration{2500 * time.Millisecond, 7500 * time.Millisecond}},
		"400":                   {answers: list(code(400, "Retry-After", "1")), tries: [2]int{1, 1}, err: "400 Bad Request"},
		"401":                   {answers: list(code(401)), tries: [2]int{1, 1}, err: "401 Unauthorized"},
		"404":                   {answers: list(code(404)), tries: [2]int{1, 1}, err: "404 Not Found"},
		"408":                   {answers: list(code(408)), tries: [2]int{1, 1}, err: "408 Request Timeout"},
		"413":                   {answers: list(code(413)), tries: [2]int{1, 1}, err: "413 Request Entity Too Large"},
		"500":                   {answers: list(code(500)), tries: [2]int{1, 1}, err: "500 Internal Server Error"},
		"501":                   {answers: list(code(501)), tries: [2]int{1, 1}, err: "501 Not Implemented"},
		"505":                   {answers: list(code(505)), tries: [2]int{1, 1}, err: "505 HTTP Version Not Supported"},
		"busy, then bad":        {answers: list(code(503), code(400)), tries: [2]int{2, 2}, took: [2]time.Duration{2500 * time.Millisecond, 7500 * time.Millisecond}, err: "400 Bad Request"},
		"rejected, not again":   {answers: list(answering(t, 200, partially(1, "x")), code(200)), tries: [2]int{1, 1}, err: "rejected 1 spans"},
		"headers without end":   {answers: list(code(200, "X", strings.Repeat("x", 1<<17))), tries: [2]int{4, 10}, took: [2]time.Duration{15 * s, 60 * s}, err: "server response headers exceeded 65536 bytes; aborted"},
		"headers, then better":  {answers: list(code(200, "X", strings.Repeat("x", 1<<17)), code(200)), tries: [2]int{2, 2}, took: [2]time.Duration{2500 * time.Millisecond, 7500 * time.Millisecond}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				collector := &tries{answers: c.answers}
				client, _, end := serve(t, collector, c.refuse, c.environment)
				defer end()
				began := time.Now()
				err := client.UploadTraces(t.Context(), one())
				took, n := time.Since(began), len(collector.begun())
				if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.HasPrefix(err.Error(), "otlp: ") || !strings.Contains(err.Error(), c.err)) {
					t.Errorf("got %v, want %q", err, c.err)
				}
				if n < c.tries[0] || n > c.tries[1] {
					t.Errorf("%d tries, want %v", n, c.tries)
				}
				// A date has no fractions of a second.
				if took < c.took[0]-s/1000 || took > c.took[1]+s/1000 {
					t.Errorf("it took %v, want %v", took, c.took)
				}
			})
		})
	}
}

// Many processes that wait for the same collector do not come back at the same time.
func TestJitter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		seen := make(map[time.Duration]bool)
		for range 100 {
			collector := &tries{answers: []http.HandlerFunc{code(503), code(200)}}
			client, _, end := serve(t, collector, 0, nil)
			began := time.Now()
			if err := client.UploadTraces(t.Context(), one()); err != nil {
				t.Error(err)
			}
			seen[time.Since(began)] = true
			end()
		}
		if len(seen) < 90 {
			t.Errorf("%d of 100 waits are different", len(seen))
		}
	})
}

// What ends an upload ends it at once, whether it waits for an answer or for the next try.
func TestEnds(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{"hangs": hangs, "busy": code(503), "half": begins} {
		for how, c := range map[string]struct {
			end  func(*otlp.Client, context.CancelCauseFunc)
			want string
		}{
			"context": {func(_ *otlp.Client, cancel context.CancelCauseFunc) { cancel(errors.New("enough")) }, "enough"},
			"stop":    {func(c *otlp.Client, _ context.CancelCauseFunc) { _ = c.Stop(t.Context()) }, "otlp: the client was stopped"},
			"hurry":   {func(c *otlp.Client, _ context.CancelCauseFunc) { c.Hurry(); c.Hurry() }, "otlp: not tried again before the end: "},
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					collector := &tries{answers: []http.HandlerFunc{answer}}
					client, _, end := serve(t, collector, 0, nil)
					defer end()
					ctx, cancel := context.WithCancelCause(t.Context())
					defer cancel(nil)
					time.AfterFunc(time.Second, func() { c.end(client, cancel) })
					began := time.Now()
					err := client.UploadTraces(ctx, one())
					want := time.Second
					if how == "hurry" && name != "busy" {
						want = 10 * time.Second // a try has its time
					}
					if took := time.Since(began); took != want {
						t.Errorf("it took %v, want %v", took, want)
					}
					if name == "half" {
						if err != nil { // the spans have arrived
							t.Errorf("got %v", err)
						}
					} else if err == nil || !strings.Contains(err.Error(), c.want) {
						t.Errorf("got %v, want %q", err, c.want)
					}
				})
			})
		}
	}
}

// With a deadline there is no wait for a try that would be too late.
func TestDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		collector := &tries{answers: []http.HandlerFunc{code(503)}}
		client, _, end := serve(t, collector, 0, nil)
		defer end()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		began := time.Now()
		err := client.UploadTraces(ctx, one())
		if took := time.Since(began); took != 0 || err == nil || !strings.Contains(err.Error(), "no time to try again: the collector answers 503") {
			t.Errorf("got %v after %v", err, took)
		}
	})
}

// After Stop nothing is sent, and connections are closed; before, one serves many uploads.
func TestStopped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		collector := &tries{answers: []http.HandlerFunc{code(200)}}
		client, network, end := serve(t, collector, 0, nil)
		defer end()
		for range 10 {
			if err := client.UploadTraces(t.Context(), one()); err != nil {
				t.Fatal(err)
			}
		}
		if n := network.dials.Load(); n != 1 {
			t.Errorf("%d connections were made", n)
		}
		if err := client.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if n := network.open.Load(); n != 0 {
			t.Errorf("%d connections are open", n)
		}
		if err := client.UploadTraces(t.Context(), one()); err == nil || err.Error() != "otlp: the client was stopped" {
			t.Errorf("got %v", err)
		}
		if n := len(collector.begun()); n != 10 {
			t.Errorf("%d requests arrived", n)
		}
	})
}
