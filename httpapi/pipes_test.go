package httpapi_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export/access"
)

// pipes are a network in a bubble of testing/synctest, where real ones would keep
// time from passing.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

// Accept implements [net.Listener].
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr implements [net.Listener].
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

func (p *pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.conns <- theirs
	return ours
}

// inBubble runs a test with a world that is reached by pipes. That nothing of it
// is left running is checked at the end of each bubble.
func inBubble(t *testing.T, change func(w *world), test func(t *testing.T, w *world, p *pipes)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(w *world) {
			w.unserved = true
			if change != nil {
				change(w)
			}
		})
		w.member(ourOrg, "ann", access.Manager)
		p := newPipes()
		server := &http.Server{Handler: w.handler}
		go func() { _ = server.Serve(p) }()
		defer func() {
			if err := server.Close(); err != nil {
				t.Error(err)
			}
		}()
		test(t, w, p)
	})
}

// watching is a client that reads a stream of events.
type watching struct {
	*http.Response
	t    testing.TB
	conn net.Conn
	body *bufio.Reader
}

// watch opens a stream on a connection, with the world's credentials.
func (w *world) watch(conn net.Conn, method, jobID string, options ...option) *watching {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), method, "http://x"+exports+ourOrg+"/"+jobID+"/events", http.NoBody)
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("Accept", "text/event-stream") // as browsers do
	for _, o := range append([]option{w.credentials}, options...) {
		o(request)
	}
	if err := request.Write(conn); err != nil {
		w.t.Fatal(err)
	}
	from := bufio.NewReaderSize(conn, 512)
	response, err := http.ReadResponse(from, request) //nolint:bodyclose // the connection is closed
	if err != nil {
		w.t.Fatal(err)
	}
	return &watching{response, w.t, conn, bufio.NewReaderSize(response.Body, 512)}
}

// read returns what comes up to an empty line, and false at the end of the
// stream.
func (s *watching) read() (string, bool) {
	s.t.Helper()
	var text strings.Builder
	for {
		line, err := s.body.ReadString('\n')
		if errors.Is(err, io.EOF) && line == "" && text.Len() == 0 {
			return "", false
		}
		if err != nil {
			s.t.Fatalf("the stream breaks off after %q: %v", text.String()+line, err)
		}
		if line == "\n" {
			return strings.TrimSuffix(text.String(), "\n"), true
		}
		text.WriteString(line)
	}
}

// want wants that next.
func (s *watching) want(want string) {
	s.t.Helper()
	if got, ok := s.read(); !ok || got != want {
		s.t.Fatalf("the stream has %q, %v, want %q", got, ok, want)
	}
}

// event wants an event next, but for heartbeats, and returns its id and data.
func (s *watching) event() (id, data string) {
	s.t.Helper()
	text, ok := s.read()
	for text == ":" {
		text, ok = s.read()
	}
	lines := strings.Split(text, "\n")
	if !ok || len(lines) != 3 || lines[0] != "event: status" || !strings.HasPrefix(lines[1], "id: ") || !strings.HasPrefix(lines[2], "data: ") {
		s.t.Fatalf("the stream has %q, %v, want an event", text, ok)
	}
	return lines[1][len("id: "):], lines[2][len("data: "):]
}

// begin reads what every stream begins with: when to come back, and how the job
// is.
func (s *watching) begin() (id, data string) {
	s.t.Helper()
	if s.StatusCode != http.StatusOK || s.Header.Get("Content-Type") != "text/event-stream" {
		s.t.Fatalf("no stream: %d %v", s.StatusCode, s.Header)
	}
	s.want("retry: 2000")
	return s.event()
}

// end wants the stream to end next, and at a time.
func (s *watching) end(after time.Duration) {
	s.t.Helper()
	begin := time.Now()
	if text, ok := s.read(); ok {
		s.t.Fatalf("the stream has %q, want its end", text)
	}
	if got := time.Since(begin); got != after {
		s.t.Errorf("the stream ends after %v, want %v", got, after)
	}
}
