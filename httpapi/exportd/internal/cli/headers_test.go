//go:build unix

package cli

import (
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/orgexport/orgexport/httpapi/connlimit"
)

// slowListener is one whose connections hold little that was not read, so that who has
// written knows that the server has read.
func slowListener(t *testing.T) net.Listener {
	t.Helper()
	listen := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) })
	}}
	listener, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// heap is the memory of heap and stacks in use.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// TestUnfinishedHeaders: 150 clients that send headers without an end cost a server less
// than 20 MB, whether these would be 1 MB or are just not too long. All of them together
// do not keep others out.
func TestUnfinishedHeaders(t *testing.T) {
	const clients, most = 150, 20e6
	for name, size := range map[string]int{"1 MB": 1 << 20, "31 KiB": 31 << 10} {
		t.Run(name, func(t *testing.T) {
			listener := slowListener(t)
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() {
				handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "here") })
				ended <- serveHTTP(ctx, listener, handler, 0, connlimit.Limits{})
			}()
			before := heap()
			header := "GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("a", size)
			var all sync.WaitGroup
			for range clients {
				conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", listener.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = conn.Close() })
				if err := conn.(*net.TCPConn).SetWriteBuffer(4096); err != nil {
					t.Fatal(err)
				}
				all.Go(func() { _, _ = io.WriteString(conn, header) }) // it fails once the server has had enough
			}
			all.Wait()
			more := heap() - before
			t.Logf("%d unfinished headers of %s take %.1f MB", clients, name, float64(more)/1e6)
			if more > most {
				t.Errorf("%d unfinished headers take %d bytes, want less than %d", clients, more, int(most))
			}
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+listener.Addr().String(), http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestConnectionsLeaveFiles: exports have half of the files that the process may have open.
func TestConnectionsLeaveFiles(t *testing.T) {
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
			t.Error(err)
		}
	})
	for _, c := range []struct{ files, most, want int }{
		{1000, 0, 500}, {1000, -1, 500}, {1000, 20, 20}, {1000, 600, 500}, {10_000, 0, 4096},
	} {
		limit := was
		if limit.Cur = uint64(c.files); limit.Cur > limit.Max {
			continue
		}
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
		if got := withinFiles(c.most); got != c.want {
			t.Errorf("with %d files and a limit of %d there may be %d connections, want %d", c.files, c.most, got, c.want)
		}
	}
}
