//go:build unix

package judgestest_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const patience = time.Minute

// binary is the exportd that the tests run.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "judges")
		if err != nil {
			panic(err)
		}
		defer func() { _ = os.RemoveAll(dir) }() // the system does so later
		binary = filepath.Join(dir, "exportd")
		build := exec.CommandContext(context.Background(), "go", "build", "-C", "../../..", "-o", binary, "./httpapi/exportd")
		if text, err := build.CombinedOutput(); err != nil {
			panic(string(text))
		}
		return m.Run()
	}())
}

// server is an exportd that serves the demo's data on a free port.
type server struct {
	dir, url string // where exports are requested
	key      string
	cmd      *exec.Cmd
	ended    chan bool
	mu       sync.Mutex
	log      bytes.Buffer
}

// Write appends to the log.
func (s *server) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(p)
}

// exportd runs a command of exportd in the folder of a server.
func exportd(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("exportd %s: %v\n%s", strings.Join(args, " "), err, text)
	}
}

var curlLine = regexp.MustCompile(`X-API-Key: (\w+)' '(http://127\.0\.0\.1:\d+/[^'?]+)`)

// serve starts a server with lines in front of the demo's configuration.
func serve(t *testing.T, configuration string) *server {
	t.Helper()
	s := &server{dir: t.TempDir(), ended: make(chan bool)}
	exportd(t, s.dir, "keys", "list", "--data", "exportd-demo") // makes the demo
	file := filepath.Join(s.dir, "exportd-demo/demo/exportd.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append([]byte(configuration), text...), 0o600); err != nil {
		t.Fatal(err)
	}
	s.cmd = exec.CommandContext(t.Context(), binary, "serve", "--listen", "127.0.0.1:0")
	s.cmd.Dir, s.cmd.Stderr = s.dir, s
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	printed := make(chan []string, 1)
	go func() {
		defer close(s.ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if match := curlLine.FindStringSubmatch(lines.Text()); match != nil {
				printed <- match
			}
		}
		_ = s.cmd.Wait() // how it ended is in ProcessState
	}()
	t.Cleanup(s.stop)
	select {
	case match := <-printed:
		s.key, s.url = match[1], match[2]
	case <-s.ended:
		t.Fatalf("it ended:\n%s", &s.log)
	case <-time.After(patience):
		t.Fatal("it does not serve")
	}
	return s
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-s.ended:
	case <-time.After(patience):
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
}

// root is the URL of the server itself.
func (s *server) root() string { return s.url[:strings.Index(s.url[8:], "/")+8] }

// answer is a response whose body was read.
type answer struct {
	*http.Response

	body []byte
}

// send sends a request with one header field.
func (s *server) send(t *testing.T, method, url, field, value string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(field, value)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response, body}
}

// document returns the OpenAPI document that is served.
func (s *server) document(t *testing.T) []byte {
	t.Helper()
	return s.send(t, http.MethodGet, s.root()+"/openapi.json", "Accept", "application/json").body
}
