package s3_test

import (
	"context"
	"encoding/pem"
	"net"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orgexport/orgexport/adapters/s3"
	"github.com/orgexport/orgexport/archive/archivetest"
	"github.com/orgexport/orgexport/internal/s3test"
)

// throughTLS returns a bucket of a real server behind a proxy that speaks HTTP/2 by TLS, and has the
// programs of AWS trust it.
func throughTLS(t *testing.T) s3test.Bucket {
	t.Helper()
	b := s3test.NewBucket(t)
	target, err := url.Parse(b.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewUnstartedServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // it is signed
	}})
	front.EnableHTTP2 = true
	front.StartTLS()
	t.Cleanup(front.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CA_BUNDLE", ca)
	b.Endpoint = front.URL
	return b
}

// TestOwnCertificate writes and reads by TLS with a certificate of one's own.
func TestOwnCertificate(t *testing.T) {
	b := throughTLS(t)
	roundTrip(t, b)
	t.Setenv("AWS_CA_BUNDLE", "")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := openIn(t, b, "", s3.Config{}).Check(ctx); err == nil {
		t.Error("a certificate is trusted that nobody has named")
	}
}

// relay passes connections on until they are swallowed: then they take what they get, and give
// nothing, as where a firewall has forgotten them. New ones work.
type relay struct {
	to        string
	swallowed atomic.Int64 // how often
}

func (r *relay) serve(ctx context.Context, l net.Listener) {
	for {
		near, err := l.Accept()
		if err != nil {
			return
		}
		far, err := new(net.Dialer).DialContext(ctx, "tcp", r.to)
		if err != nil {
			_ = near.Close()
			continue
		}
		since := r.swallowed.Load()
		go r.pass(far, near, since)
		go r.pass(near, far, since)
	}
}

func (r *relay) pass(to, from net.Conn, since int64) {
	defer to.Close()
	for buf := make([]byte, 64<<10); ; {
		n, err := from.Read(buf)
		if err == nil && r.swallowed.Load() == since {
			_, err = to.Write(buf[:n])
		}
		if err != nil {
			return
		}
	}
}

// TestDeadConnection has a connection of HTTP/2 that is not closed and gives nothing: others are
// used soon.
func TestDeadConnection(t *testing.T) {
	if !archivetest.Long() {
		t.Skip("it waits for half a minute: -long runs it")
	}
	in := throughTLS(t)
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r := &relay{to: in.Endpoint[len("https://"):]}
	go r.serve(t.Context(), l)
	in.Endpoint = "https://" + l.Addr().String()
	d := s3.NewDestination(openIn(t, in, "", s3.Config{}))
	content := random(1000)
	if err := d.Put(t.Context(), "a", copies(content)); err != nil {
		t.Fatal(err)
	}
	wantObject(t, d, "a", content)
	r.swallowed.Add(1)
	begin := time.Now()
	wantObject(t, d, "a", content)
	if err := d.Put(t.Context(), "b", copies(content)); err != nil || time.Since(begin) > 45*time.Second {
		t.Errorf("a dead connection was used for %v: %v", time.Since(begin), err)
	}
}
