// Package connlimit keeps clients without credentials from taking all connections or the
// memory of an HTTP server. It bounds what a connection costs before its request is known,
// and how many connections there are:
//
//	server := &http.Server{Handler: mux}
//	listener = connlimit.Limits{}.Protect(server, listener)
//	err := server.Serve(listener)
//
// A connection waits while it has no whole request: it is new, or its header is unfinished, or
// nobody has read the request's body to its end (of HTTP/1), or it is kept for the next request.
// Waiting connections make room for others: if there are too many, the one that has waited for
// the longest is closed. One that has a whole request, such as a download, is never closed.
package connlimit

import (
	"cmp"
	"container/list"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// What a server gets that says nothing else. Clients of the API send little more than an API
// key, a cookie or a token.
const (
	MaxHeaderBytes    = 32 << 10
	ReadHeaderTimeout = 10 * time.Second
	IdleTimeout       = 2 * time.Minute
)

// DefaultTotal and DefaultWaiting are the limits that a server has without others.
const (
	DefaultTotal   = 4096
	DefaultWaiting = 128
)

// Limits are how many connections a server has. The zero value has the defaults.
type Limits struct {
	// Total is how many connections there may be. If all of them have requests, another
	// one is closed at once. One address, or IPv6 network of 64 bits, never has more than
	// half of them. Defaults to [DefaultTotal]; negative means no limit.
	Total int

	// Waiting is how many connections of one address, or IPv6 network of 64 bits, may
	// wait at once. Defaults to [DefaultWaiting]; negative means no limit.
	Waiting int

	// Exempt are addresses that Waiting and the half of Total are not for: those of trusted
	// proxies, from which all clients come. Nor are they for connections that have no IP
	// address.
	Exempt []netip.Prefix

	// OnLimit is called for each connection that is closed because of a limit, with the
	// address of the other side, empty if it is no IP address. It may be called by
	// several goroutines at once, and new connections wait for it. Optional.
	OnLimit func(address string)
}

// Protect returns a listener that keeps the limits, for server to serve on, and nothing else
// to. It sets the server's Handler, ConnState and ConnContext, which call those that were there,
// and, if they are zero, MaxHeaderBytes, ReadHeaderTimeout and IdleTimeout. Call it once, before
// the server serves. The listener may be used by [http.Server.ServeTLS], too.
func (l Limits) Protect(server *http.Server, listener net.Listener) net.Listener {
	l.Total, l.Waiting = cmp.Or(l.Total, DefaultTotal), cmp.Or(l.Waiting, DefaultWaiting)
	server.MaxHeaderBytes = cmp.Or(server.MaxHeaderBytes, MaxHeaderBytes)
	server.ReadHeaderTimeout = cmp.Or(server.ReadHeaderTimeout, ReadHeaderTimeout)
	server.IdleTimeout = cmp.Or(server.IdleTimeout, IdleTimeout)
	limited := &limited{
		Listener: listener, limits: l, open: make(map[net.Conn]*connection), waiting: list.New(),
		from: make(map[netip.Addr]*list.List), of: make(map[netip.Addr]int),
	}
	next := server.ConnState
	server.ConnState = func(conn net.Conn, state http.ConnState) {
		limited.note(conn, state)
		if next != nil {
			next(conn, state)
		}
	}
	limited.protectBodies(server)
	return limited
}

// limited is a listener that keeps limits.
type limited struct {
	net.Listener
	limits Limits

	mu      sync.Mutex
	open    map[net.Conn]*connection
	waiting *list.List                // of *connection, those that have waited longest first
	from    map[netip.Addr]*list.List // the same by address
	of      map[netip.Addr]int        // how many an address has, waiting or not
}

// connection is one that is open.
type connection struct {
	net.Conn
	address netip.Addr // not valid if it may have any number

	inAll, inFrom *list.Element // of the lists; nil while it does not wait
}

// Accept implements [net.Listener].
func (l *limited) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tooMany := l.add(conn)
		for _, c := range tooMany {
			if l.limits.OnLimit != nil {
				l.limits.OnLimit(host(c))
			}
			_ = c.Close() // nobody is to hear of it
		}
		if len(tooMany) == 0 || tooMany[len(tooMany)-1] != conn {
			return conn, nil
		}
	}
}

// add notes a new connection and returns those that are to be closed for it. The last one of
// these is conn itself if there is no place for it.
func (l *limited) add(conn net.Conn) (tooMany []net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := &connection{Conn: conn, address: l.limits.addressOf(conn)}
	if from := l.from[c.address]; from != nil && l.limits.Waiting >= 0 && from.Len() >= l.limits.Waiting {
		tooMany = append(tooMany, l.drop(from))
	}
	if half := max(l.limits.Total/2, 1); l.limits.Total >= 0 && l.of[c.address] >= half {
		from := l.from[c.address]
		if from == nil {
			return append(tooMany, conn)
		}
		tooMany = append(tooMany, l.drop(from))
	}
	if l.limits.Total >= 0 && len(l.open) >= l.limits.Total {
		if l.waiting.Len() == 0 {
			return append(tooMany, conn)
		}
		tooMany = append(tooMany, l.drop(l.most()))
	}
	l.open[conn] = c
	if c.address.IsValid() {
		l.of[c.address]++
	}
	l.wait(c)
	return tooMany
}

// most returns the waiting connections of the address that has most of them, or all if no
// address has two.
func (l *limited) most() *list.List {
	most := l.waiting
	for _, from := range l.from {
		if from.Len() > 1 && (most == l.waiting || from.Len() > most.Len()) {
			most = from
		}
	}
	return most
}

// drop forgets the first connection of a list.
func (l *limited) drop(from *list.List) net.Conn {
	c := from.Front().Value.(*connection)
	l.forget(c)
	return c.Conn
}

// forget takes a connection from all.
func (l *limited) forget(c *connection) {
	l.goOn(c)
	delete(l.open, c.Conn)
	if l.of[c.address]--; l.of[c.address] <= 0 {
		delete(l.of, c.address)
	}
}

// wait puts a connection at the end of those that wait.
func (l *limited) wait(c *connection) {
	if c.inAll != nil {
		return
	}
	c.inAll = l.waiting.PushBack(c)
	if !c.address.IsValid() {
		return
	}
	from := l.from[c.address]
	if from == nil {
		from = list.New()
		l.from[c.address] = from
	}
	c.inFrom = from.PushBack(c)
}

// goOn takes a connection from those that wait.
func (l *limited) goOn(c *connection) {
	if c.inAll == nil {
		return
	}
	l.waiting.Remove(c.inAll)
	if from := l.from[c.address]; c.inFrom != nil {
		from.Remove(c.inFrom)
		if from.Len() == 0 {
			delete(l.from, c.address)
		}
	}
	c.inAll, c.inFrom = nil, nil
}

// note is told what becomes of a connection: see [http.Server.ConnState]. A request that is
// not read to the end of its header leaves the state as it was.
func (l *limited) note(conn net.Conn, state http.ConnState) {
	if over, ok := conn.(interface{ NetConn() net.Conn }); ok { // of TLS
		conn = over.NetConn()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.open[conn]
	if c == nil {
		return
	}
	switch state {
	case http.StateNew:
	case http.StateActive:
		l.goOn(c)
	case http.StateIdle:
		l.wait(c)
	case http.StateClosed, http.StateHijacked:
		l.forget(c)
	}
}

// addressOf returns what the limit of waiting connections knows a connection by. It is not
// valid if there is no limit for it.
func (l Limits) addressOf(conn net.Conn) netip.Addr {
	ip, err := netip.ParseAddr(host(conn))
	if err != nil {
		return netip.Addr{}
	}
	ip = ip.Unmap().WithZone("")
	for _, prefix := range l.Exempt {
		if prefix.Contains(ip) {
			return netip.Addr{}
		}
	}
	if ip.Is4() {
		return ip
	}
	return netip.PrefixFrom(ip, 64).Masked().Addr()
}

// host returns the address of the other side, empty if it has none.
func host(conn net.Conn) string {
	if at, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return at.AddrPort().Addr().String()
	}
	return ""
}
