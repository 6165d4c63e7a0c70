package httpapi_test

import (
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive/archivetest"
	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/httpapi"
)

// TestManyListeners: as many clients as may wait cost a process less than 128 KiB each, here
// with what they themselves cost, and nothing once they have gone. However many they are,
// the store is asked once a second for each job. One more is refused, and can still poll.
// There are 500 of them, and 2,000 with -long.
func TestManyListeners(t *testing.T) {
	const mostEach, ofEach = 128 << 10, 10
	listeners := 500
	if archivetest.Long() {
		listeners = 2000
	}
	w := newWorld(t, func(w *world) {
		w.config.Limits = access.Limits{PerMinute: 1e6, PerDay: 1e6}
		w.config.Streams = httpapi.StreamLimits{PerPrincipal: ofEach, Total: listeners}
	})
	newKey := func() option {
		return withKey(w.newKey(access.Key{Kind: access.Business, OrganizationID: ourOrg, Role: access.Manager}))
	}
	var keys []option
	for range listeners / ofEach {
		keys = append(keys, newKey())
	}
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
		clients[i] = w.watch(conn, "GET", id, keys[i/ofEach])
		clients[i].begin()
	}
	more := (inUse() - before) / int64(listeners)
	t.Logf("%d listeners take %d bytes each of heap and stacks", listeners, more)
	if more > mostEach {
		t.Errorf("%d listeners take %d bytes each, want at most %d", listeners, more, mostEach)
	}
	w.send("GET", exports+ourOrg+"/"+id+"/events", newKey()).want(http.StatusTooManyRequests)
	w.send("GET", exports+ourOrg+"/"+id, keys[0]).want(http.StatusOK)

	reads := w.touches.Load()
	begin := time.Now()
	w.update(id, progressed(1))
	for _, s := range clients {
		if _, data := s.event(); !strings.Contains(data, "processing") {
			t.Fatalf("an event is %s", data)
		}
	}
	// Ticks of the store's reader, and the update itself.
	got, could := w.touches.Load()-reads, int64(time.Since(begin)/time.Second)+2
	if got > could {
		t.Errorf("%d reads for %d listeners in %v, want at most %d", got, listeners, time.Since(begin), could)
	}
	t.Logf("%d reads for %d listeners", got, listeners)
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
