package otlp_test

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/otlp"
)

// TestMain is a program that sends one span, if it is told to: net/http reads the variables
// of proxies once in a process.
func TestMain(m *testing.M) {
	if endpoint := os.Getenv("ORGEXPORT_TEST_SEND"); endpoint != "" {
		os.Exit(send(endpoint))
	}
	os.Exit(m.Run())
}

func send(endpoint string) int {
	client, err := otlp.New(otlp.Config{Endpoint: endpoint})
	if err == nil {
		client.Hurry()
		err = client.UploadTraces(context.Background(), one())
	}
	if err != nil {
		_, _ = io.WriteString(os.Stderr, err.Error())
		return 1
	}
	return 0
}

// The proxy of the environment is used, with its credentials, and these are in no error.
func TestProxy(t *testing.T) {
	t.Parallel()
	got := &recorder{t: t}
	got.answer = func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Proxy-Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte("user:sekret")) {
			http.Error(w, "no", http.StatusProxyAuthRequired)
		}
	}
	server := httptest.NewServer(got)
	t.Cleanup(server.Close)
	good := strings.Replace(server.URL, "//", "//user:sekret@", 1)
	for name, c := range map[string]struct {
		proxy, none string
		want        string // of the error; none if it is empty
	}{
		"right":          {good, "", ""},
		"wrong password": {strings.Replace(server.URL, "//", "//user:sekret2@", 1), "", "the collector answers 407 Proxy Authentication Required: no"},
		"no URL":         {"http://user:sekret@127.0.0.1:1/%zz", "", "dial tcp"},
		"odd scheme":     {"ftp://user:sekret@127.0.0.1:1", "", "connection refused"},
		"down":           {"http://user:sekret@127.0.0.1:1", "", "connection refused"},
		"not for it":     {good, "collector.invalid", "dial tcp"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), "ORGEXPORT_TEST_SEND=http://collector.invalid/v1/traces", "HTTP_PROXY="+c.proxy, "http_proxy="+c.proxy, "NO_PROXY="+c.none, "no_proxy="+c.none)
			out, err := cmd.CombinedOutput()
			if (err == nil) != (c.want == "") || !strings.Contains(string(out), c.want) || strings.Contains(string(out), "sekret") {
				t.Errorf("got %v: %s, want %q", err, out, c.want)
			}
		})
	}
	t.Cleanup(func() {
		if n := len(got.requests()); n != 2 {
			t.Errorf("the proxy has %d requests, want 2", n)
		}
	})
}
