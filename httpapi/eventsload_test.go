package httpapi_test

import (
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/access"
)

// TestManyListeners: 500 clients that wait cost a process less than 64 MiB, here
// with what they themselves cost, and nothing once they have gone.
func TestManyListeners(t *testing.T) {
	const listeners, most = 500, 64 << 20
	w := newWorld(t, func(w *world) { w.config.Limits = access.Limits{PerMinute: 1e6, PerDay: 1e6} })
	id := w.create()
	w.send("GET", exports+ourOrg+"/"+id) // what is made once is there
	before, goroutines := inUse(), runtime.NumGoroutine()
	clients := make([]*watching, listeners)
	for i := range clients {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", w.server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		clients[i] = w.watch(conn, "GET", id)
		clients[i].begin()
	}
	more := inUse() - before
	t.Logf("%d listeners take %.1f MiB more of heap and stacks", listeners, float64(more)/(1<<20))
	if more > most {
		t.Errorf("%d listeners take %d bytes more, want at most %d", listeners, more, most)
	}

	reads := w.touches.Load()
	begin := time.Now()
	w.update(id, progressed(1))
	for _, s := range clients {
		if _, data := s.event(); !strings.Contains(data, "processing") {
			t.Fatalf("an event is %s", data)
		}
	}
	// Ticks of the store's reader, and the update itself.
	if got, could := w.touches.Load()-reads, int64(time.Since(begin)/time.Second)+2; got > could {
		t.Errorf("%d reads for %d listeners in %v, want at most %d", got, listeners, time.Since(begin), could)
	}
	w.update(id, completed)
	for _, s := range clients {
		s.event()
		if text, ok := s.read(); ok {
			t.Fatalf("after the last event comes %q", text)
		}
		_ = s.conn.Close()
	}
	for begin := time.Now(); runtime.NumGoroutine() > goroutines+10; time.Sleep(10 * time.Millisecond) {
		if time.Since(begin) > 30*time.Second {
			t.Fatalf("%d goroutines are left, %d were there before", runtime.NumGoroutine(), goroutines)
		}
	}
}

// inUse is the memory of heap and stacks in use.
func inUse() int64 {
	runtime.GC()
	runtime.GC() // and what pools have kept
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
