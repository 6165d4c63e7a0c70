package main

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/sections"
)

const (
	token   = "a-token-of-this-test"
	another = "2LRUDfEgQDPQUuGN2svJix" // an organization that is not the user's
)

func start(t *testing.T, c export.Config, http2 bool) *httptest.Server {
	t.Helper()
	engine, err := export.New(c)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{engine, bearer(token, acme)}
	web := httptest.NewUnstartedServer(s.handler())
	if web.EnableHTTP2 = http2; http2 {
		web.StartTLS()
	} else {
		web.Start()
	}
	t.Cleanup(web.Close)
	return web
}

// ask sends a request for an export.
func ask(ctx context.Context, web *httptest.Server, method, token, organization string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, web.URL+"/organizations/"+organization+"/export", nil)
	if err != nil {
		return nil, err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return web.Client().Do(r)
}

func eachProtocol(t *testing.T, test func(t *testing.T, http2 bool)) {
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) { test(t, http2) })
	}
}

func TestArchive(t *testing.T) {
	eachProtocol(t, func(t *testing.T, http2 bool) {
		web := start(t, export.Config{Sections: []export.Section{members}}, http2)
		response, err := ask(t.Context(), web, http.MethodGet, token, acme.ID)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != http.StatusOK || response.ProtoAtLeast(2, 0) != http2 {
			t.Errorf("%s %s", response.Proto, response.Status)
		}
		for name, want := range map[string]string{"Content-Type": "application/zip", "Cache-Control": "no-store"} {
			if got := response.Header.Get(name); got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
		archive, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
		if err != nil {
			t.Fatal(err)
		}
		disposition, params, err := mime.ParseMediaType(response.Header.Get("Content-Disposition"))
		if err != nil || disposition != "attachment" {
			t.Errorf("Content-Disposition is %q, %v", disposition, err)
		}
		top := params["filename"][:len(params["filename"])-len(".zip")]
		file, err := archive.Open(top + "/members/members.csv")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		want := "name,email\r\nAda,ada@acme.example\r\nGrace,grace@acme.example\r\n"
		if got, err := io.ReadAll(file); err != nil || string(got) != want {
			t.Errorf("members.csv is %q, %v", got, err)
		}
	})
}

// TestRefused sends requests that must not start a section.
func TestRefused(t *testing.T) {
	section := sections.New("members", func(context.Context, export.Scope, export.Sink) error {
		t.Error("the section ran")
		return nil
	})
	web := start(t, export.Config{Sections: []export.Section{section}}, false)
	for _, test := range []struct {
		name, method, token, organization string
		want                              int
	}{
		{"no token", http.MethodGet, "", acme.ID, http.StatusUnauthorized},
		{"wrong token", http.MethodGet, token + "x", acme.ID, http.StatusUnauthorized},
		{"wrong token and organization", http.MethodGet, "x", another, http.StatusUnauthorized},
		{"wrong organization", http.MethodGet, token, another, http.StatusForbidden},
		{"wrong method", http.MethodPost, token, acme.ID, http.StatusMethodNotAllowed},
		{"headers only", http.MethodHead, token, acme.ID, http.StatusOK},
	} {
		t.Run(test.name, func(t *testing.T) {
			response, err := ask(t.Context(), web, test.method, test.token, test.organization)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if response.StatusCode != test.want {
				t.Errorf("got %s, want %d", response.Status, test.want)
			}
			if isFile := response.Header.Get("Content-Disposition") != ""; isFile != (test.want == http.StatusOK) {
				t.Errorf("Content-Disposition is %q", response.Header.Get("Content-Disposition"))
			}
		})
	}
}

// TestOldProtocol asks as a proxy does that speaks HTTP/1.0 to its servers.
func TestOldProtocol(t *testing.T) {
	web := start(t, export.Config{Sections: []export.Section{members}}, false)
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", web.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "GET /organizations/%s/export HTTP/1.0\r\nAuthorization: Bearer %s\r\n\r\n", acme.ID, token); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusHTTPVersionNotSupported {
		t.Errorf("got %s", response.Status)
	}
}

// noise is a section with a file that no buffer between here and there holds.
var noise = sections.New("noise", func(_ context.Context, _ export.Scope, sink export.Sink) error {
	return sink.Binary("noise.bin", io.LimitReader(rand.NewChaCha8([32]byte{}), 2<<20))
})

// TestCut lets a required section fail when the client has the beginning of the
// archive: the client must be able to tell that it is not all.
func TestCut(t *testing.T) {
	eachProtocol(t, func(t *testing.T, http2 bool) {
		begun := make(chan struct{})
		broken := sections.New("broken", func(ctx context.Context, _ export.Scope, _ export.Sink) error {
			select {
			case <-begun:
				return errors.New("this database is gone")
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		web := start(t, export.Config{
			Sections: []export.Section{noise, broken},
			Options:  map[string]export.SectionOptions{"broken": {Required: true}},
		}, http2)
		response, err := ask(t.Context(), web, http.MethodGet, token, acme.ID)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if _, err := io.ReadFull(response.Body, make([]byte, 1<<20)); err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("%s, %v", response.Status, err)
		}
		close(begun)
		if n, err := io.Copy(io.Discard, response.Body); err == nil {
			t.Errorf("%d more bytes and a clean end", n)
		}
	})
}

// TestFailsAtOnce has nothing to send: that must not look like an empty file.
func TestFailsAtOnce(t *testing.T) {
	eachProtocol(t, func(t *testing.T, http2 bool) {
		broken := sections.New("broken", func(context.Context, export.Scope, export.Sink) error {
			return errors.New("this database is gone")
		})
		web := start(t, export.Config{
			Sections: []export.Section{broken},
			Options:  map[string]export.SectionOptions{"broken": {Required: true}},
		}, http2)
		response, err := ask(t.Context(), web, http.MethodGet, token, acme.ID)
		if err != nil {
			return
		}
		defer response.Body.Close()
		if n, err := io.Copy(io.Discard, response.Body); err == nil {
			t.Errorf("%s, %d bytes and a clean end", response.Status, n)
		}
	})
}

// TestClientGone closes the connection: the sections must end.
func TestClientGone(t *testing.T) {
	ended := make(chan error, 1)
	patient := sections.New("patient", func(ctx context.Context, _ export.Scope, _ export.Sink) error {
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	})
	web := start(t, export.Config{Sections: []export.Section{noise, patient}}, false)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	response, err := ask(ctx, web, http.MethodGet, token, acme.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	leave()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("ended by %v", err)
	}
}
