package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// serve runs the example until the test ends.
func serve(t *testing.T) (url string) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url = "http://" + listener.Addr().String()
	folder := t.TempDir()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- run(ctx, newMux(), listener, url, folder) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return url
}

// do sends a request and returns the body of a response with that status.
func do(t *testing.T, method, url, token string, want int) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != want {
		t.Fatalf("%s %s gives %s, want %d\n%s%v", method, url, response.Status, want, body, err)
	}
	return body
}

// TestExport is what a customer of the service does.
func TestExport(t *testing.T) {
	url := serve(t)
	exports := url + "/dashboard/api/v1/data-export/" + acme
	var job struct {
		ID       string `json:"job_id"`
		Status   string `json:"status"`
		Download string `json:"download_url"`
		Filename string `json:"output_filename"`
	}
	decode := func(body []byte) {
		t.Helper()
		if err := json.Unmarshal(body, &job); err != nil {
			t.Fatal(err)
		}
	}
	decode(do(t, http.MethodPost, exports, token, http.StatusOK))
	for ctx := t.Context(); job.Status != "completed"; {
		select {
		case <-ctx.Done():
			t.Fatal(ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
		decode(do(t, http.MethodGet, exports+"/"+job.ID, token, http.StatusOK))
		if job.Status == "failed" {
			t.Fatal("the export failed")
		}
	}
	body := do(t, http.MethodGet, job.Download, "", http.StatusOK)
	archive, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	top := strings.TrimSuffix(job.Filename, ".zip")
	want := []struct{ name, contents string }{
		{"members/members.csv", "name,email\r\nAda,ada@acme.example\r\nGrace,grace@acme.example\r\n"},
		{"contracts/supply-2026.txt", "Acme Foods buys two tons of green tea from Leaf & Co. each year.\n"},
		{"manifest.yaml", ""},
		{"SHA256SUMS", ""},
	}
	if len(archive.File) != len(want) {
		t.Fatalf("%d files, want %d", len(archive.File), len(want))
	}
	for i, w := range want {
		f := archive.File[i]
		if f.Name != top+"/"+w.name {
			t.Errorf("file %d is %q, want %q", i, f.Name, top+"/"+w.name)
		}
		if got := read(t, f); w.contents != "" && got != w.contents {
			t.Errorf("%s is %q, want %q", w.name, got, w.contents)
		}
	}
}

func read(t *testing.T, f *zip.File) string {
	t.Helper()
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	contents, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(contents)
}

// TestOwnAuthentication shows that the service's own rules hold.
func TestOwnAuthentication(t *testing.T) {
	url := serve(t)
	exports := url + "/dashboard/api/v1/data-export/"
	do(t, http.MethodPost, exports+acme, "", http.StatusUnauthorized)
	do(t, http.MethodPost, exports+acme, "guessed", http.StatusUnauthorized)
	do(t, http.MethodPost, exports+strings.Repeat("3", 22), token, http.StatusForbidden)
	if got := string(do(t, http.MethodGet, url+"/", "", http.StatusOK)); got != "Welcome.\n" {
		t.Errorf("the service says %q", got)
	}
}
