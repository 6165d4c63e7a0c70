package connlimit_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/orgexport/orgexport/httpapi/connlimit"
)

// network is a listener whose clients say which address they have.
type network struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (n *network) Accept() (net.Conn, error) {
	select {
	case c := <-n.conns:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

func (n *network) Close() error {
	n.once.Do(func() { close(n.closed) })
	return nil
}

func (n *network) Addr() net.Addr { return &net.TCPAddr{} }

// from is a connection from an address, or from none.
type from struct {
	net.Conn
	address string
}

func (c from) RemoteAddr() net.Addr {
	if c.address == "" {
		return &net.UnixAddr{Name: "@"}
	}
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(c.address), 1234))
}

// served is a server with limits. Requests for /wait are answered once goOn is closed, and so are
// those for /read, whose body it reads before.
type served struct {
	t       *testing.T
	network *network
	begun   chan bool
	goOn    chan bool

	mu      sync.Mutex
	dropped []string
	states  map[http.ConnState]int
	changed *sync.Cond // of states
}

func serve(t *testing.T, limits connlimit.Limits) *served {
	t.Helper()
	s := &served{
		t: t, network: &network{conns: make(chan net.Conn), closed: make(chan struct{})},
		begun: make(chan bool, 100), goOn: make(chan bool), states: make(map[http.ConnState]int),
	}
	s.changed = sync.NewCond(&s.mu)
	limits.OnLimit = func(address string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.dropped = append(s.dropped, address)
	}
	server := &http.Server{
		Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/read" {
				_, _ = io.Copy(io.Discard, r.Body)
			}
			if r.URL.Path == "/wait" || r.URL.Path == "/read" {
				s.begun <- true
				<-s.goOn
			}
		}),
		ConnState: func(_ net.Conn, state http.ConnState) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.states[state]++
			s.changed.Broadcast()
		},
		ReadHeaderTimeout: time.Minute,
	}
	listener := limits.Protect(server, s.network)
	ended := make(chan error)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return s
}

// client is one end of a connection.
type client struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func (s *served) dial(address string) *client {
	s.t.Helper()
	ours, theirs := net.Pipe()
	if err := ours.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		s.t.Fatal(err)
	}
	s.network.conns <- from{theirs, address}
	return &client{s.t, ours, bufio.NewReader(ours)}
}

// begin sends an unfinished header.
func (c *client) begin() {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, "GET / HTTP/1.1\r\nHost: x\r\nX-A: "); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) send(path string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) answer() {
	c.t.Helper()
	response, err := http.ReadResponse(c.in, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		c.t.Fatal(err)
	}
	_ = response.Body.Close()
}

// wantClosed waits until the server has closed the connection.
func (c *client) wantClosed() {
	c.t.Helper()
	if _, err := c.in.ReadByte(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Fatalf("the connection is open: %v", err)
	}
}

func (s *served) wantDropped(want ...string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.dropped, want) {
		s.t.Errorf("closed are connections from %q, want %q", s.dropped, want)
	}
}

// idled waits until connections have begun to wait for another request that many times.
func (s *served) idled(times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.states[http.StateIdle] < times {
		s.changed.Wait()
	}
}

// TestWaiting: connections of one address that wait make room for others of it, and for
// nobody else.
func TestWaiting(t *testing.T) {
	s := serve(t, connlimit.Limits{Waiting: 3})
	other, otherNet := s.dial("192.0.2.2"), s.dial("2001:db8:0:1::1")
	busy := s.dial("192.0.2.1")
	busy.send("/wait")
	<-s.begun
	idle, unfinished, silent := s.dial("192.0.2.1"), s.dial("192.0.2.1"), s.dial("192.0.2.1")
	unfinished.begin()
	for n := range 2 { // which then has waited for the shortest time
		idle.send("/")
		idle.answer()
		s.idled(n + 1)
	}
	s.wantDropped()
	more := s.dial("::ffff:192.0.2.1") // the same
	unfinished.wantClosed()
	s.dial("192.0.2.1")
	silent.wantClosed()
	s.dial("192.0.2.1")
	idle.wantClosed()
	s.wantDropped("192.0.2.1", "192.0.2.1", "192.0.2.1")
	more.send("/")
	more.answer()
	close(s.goOn) // it has not been closed
	busy.answer()
	for _, c := range []*client{other, otherNet} {
		c.send("/")
		c.answer()
	}
}

// TestWaitingOfANetwork: an IPv6 client has a whole network of addresses.
func TestWaitingOfANetwork(t *testing.T) {
	s := serve(t, connlimit.Limits{Waiting: 1})
	first, other := s.dial("2001:db8::1"), s.dial("2001:db8:0:1::1")
	s.dial("2001:db8::2:0:0:3")
	first.wantClosed()
	other.send("/")
	other.answer()
	s.wantDropped("2001:db8::1")
}

// TestExempt: proxies, and what has no address, have as many as they like.
func TestExempt(t *testing.T) {
	s := serve(t, connlimit.Limits{Waiting: 1, Exempt: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	var all []*client
	for range 20 {
		all = append(all, s.dial("10.1.2.3"), s.dial("::ffff:10.1.2.3"), s.dial(""))
	}
	for _, c := range all {
		c.send("/")
		c.answer()
	}
	s.wantDropped()
}

// TestTotal: in all there are no more, whoever has them. A connection with a request is not
// closed for a new one.
func TestTotal(t *testing.T) {
	s := serve(t, connlimit.Limits{Total: 2, Waiting: -1, Exempt: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	busy := s.dial("10.0.0.1")
	busy.send("/wait")
	<-s.begun
	waiting := s.dial("10.0.0.1")
	second := s.dial("192.0.2.1")
	waiting.wantClosed()
	second.send("/wait")
	<-s.begun
	for range 3 {
		s.dial("192.0.2.2").wantClosed()
	}
	s.wantDropped("10.0.0.1", "192.0.2.2", "192.0.2.2", "192.0.2.2")
	close(s.goOn)
	busy.answer()
	second.answer()
	_ = second.conn.Close()
	_ = busy.conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.states[http.StateNew] != 3 || s.states[http.StateActive] != 2 {
		t.Errorf("the server's own function was told of %v", s.states)
	}
}

// TestTotalOfOneAddress: who opens many connections loses them, and not those who wait with
// one, for however long.
func TestTotalOfOneAddress(t *testing.T) {
	s := serve(t, connlimit.Limits{Total: 10, Waiting: -1})
	var honest, many []*client
	for n := range 5 {
		c := s.dial(fmt.Sprint("192.0.2.", n+1))
		c.send("/")
		c.answer()
		honest = append(honest, c)
	}
	s.idled(len(honest))
	for range 30 { // it has five at once
		many = append(many, s.dial("192.0.2.66"))
	}
	for n := range 2 {
		honest = append(honest, s.dial(fmt.Sprint("192.0.2.", n+11)))
	}
	for _, c := range many[:27] {
		c.wantClosed()
	}
	for _, c := range honest {
		c.send("/")
		c.answer()
	}
	s.wantDropped(slices.Repeat([]string{"192.0.2.66"}, 27)...)
}

// TestHalfOfOneAddress: nobody has all connections, not even with requests that are answered
// for ever.
func TestHalfOfOneAddress(t *testing.T) {
	s := serve(t, connlimit.Limits{Total: 6})
	var busy []*client
	for _, address := range []string{"2001:db8::1", "2001:db8::2", "2001:db8::3"} {
		c := s.dial(address)
		c.send("/wait")
		<-s.begun
		busy = append(busy, c)
	}
	for range 5 {
		s.dial("2001:db8::4").wantClosed()
	}
	other := s.dial("2001:db8:0:1::1")
	other.send("/")
	other.answer()
	close(s.goOn)
	busy[0].answer()
	s.idled(2)
	s.dial("2001:db8::4").send("/")
	busy[0].wantClosed()
	_ = busy[1].conn.Close()
	s.wantDropped("2001:db8::4", "2001:db8::4", "2001:db8::4", "2001:db8::4", "2001:db8::4", "2001:db8::1")
}

// TestNoLimit: a negative limit is none.
func TestNoLimit(t *testing.T) {
	s := serve(t, connlimit.Limits{Total: -1, Waiting: -1})
	var all []*client
	for range 200 {
		all = append(all, s.dial("192.0.2.1"))
	}
	for _, c := range all {
		c.send("/")
		c.answer()
	}
	s.wantDropped()
}

// TestDefaults: what a server does not say is set, and the defaults hold.
func TestDefaults(t *testing.T) {
	server := &http.Server{}
	connlimit.Limits{}.Protect(server, nil)
	if server.MaxHeaderBytes != 32<<10 || server.ReadHeaderTimeout != 10*time.Second || server.IdleTimeout != 2*time.Minute {
		t.Errorf("the server has %d, %v, %v", server.MaxHeaderBytes, server.ReadHeaderTimeout, server.IdleTimeout)
	}
	server = &http.Server{MaxHeaderBytes: 1, ReadHeaderTimeout: 2, IdleTimeout: 3}
	connlimit.Limits{}.Protect(server, nil)
	if server.MaxHeaderBytes != 1 || server.ReadHeaderTimeout != 2 || server.IdleTimeout != 3 {
		t.Errorf("the server has %d, %v, %v", server.MaxHeaderBytes, server.ReadHeaderTimeout, server.IdleTimeout)
	}
	s := serve(t, connlimit.Limits{})
	first := s.dial("192.0.2.1")
	for range 128 {
		s.dial("192.0.2.1")
	}
	first.wantClosed()
	s.wantDropped("192.0.2.1")
}

// TestTLS: a server of HTTPS, also with HTTP/2, tells of connections in its own way.
func TestTLS(t *testing.T) {
	begun, goOn, closed := make(chan bool), make(chan bool), make(chan bool, 10)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun <- true
		<-goOn
		_, _ = io.WriteString(w, r.Proto)
	}))
	server.EnableHTTP2 = true
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			closed <- true
		}
	}
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // of handshakes
	server.Listener = connlimit.Limits{Total: 1}.Protect(server.Config, server.Listener)
	server.StartTLS()
	t.Cleanup(server.Close)
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		transport := server.Client().Transport.(*http.Transport).Clone()
		if transport.ForceAttemptHTTP2 = proto == "HTTP/2.0"; !transport.ForceAttemptHTTP2 {
			transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
			transport.TLSClientConfig.NextProtos = nil
		}
		answer := make(chan string)
		go func() { answer <- get(t, transport, server.URL) }()
		<-begun
		_, err := (&tls.Dialer{Config: transport.TLSClientConfig}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
		if err == nil {
			t.Errorf("%s: there is a second connection", proto)
		}
		goOn <- true
		if got := <-answer; got != proto {
			t.Errorf("it answers %q, want %s", got, proto)
		}
		transport.CloseIdleConnections()
		<-closed
	}
}

func get(t *testing.T, transport http.RoundTripper, url string) string {
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		return err.Error()
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
