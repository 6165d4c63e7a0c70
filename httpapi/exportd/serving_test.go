//go:build unix

package main_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// serving is an exportd serve that runs on a free port with the demo's data.
type serving struct {
	cmd   *exec.Cmd
	curl  string // the command that it prints
	key   string // what is in that
	url   string // where exports are requested
	ended chan bool
	log   syncBuffer
}

// syncBuffer is a buffer that may be read while it is written.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

var (
	curlLine = regexp.MustCompile(`^  (curl -X POST -H 'X-API-Key: (\w+)' '(http://127\.0\.0\.1:\d+/[^'?]+)\?archive_format=zip')\n$`)
	patience = time.Minute
)

// serveDemo starts exportd serve in a folder, and waits until it serves.
func serveDemo(t *testing.T, dir string) *serving {
	t.Helper()
	s := &serving{ended: make(chan bool)}
	s.cmd = exec.CommandContext(t.Context(), exportd(t), "serve", "--listen", "127.0.0.1:0", "--log-level", "debug")
	s.cmd.Dir = dir
	s.cmd.Stderr = &s.log
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
		for in := bufio.NewReader(out); ; {
			line, err := in.ReadString('\n')
			if match := curlLine.FindStringSubmatch(line); match != nil {
				printed <- match
			}
			if err != nil {
				break
			}
		}
		_, _ = io.Copy(io.Discard, out)
		_ = s.cmd.Wait() // how it ended is in ProcessState
	}()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		<-s.ended
	})
	select {
	case match := <-printed:
		s.curl, s.key, s.url = match[1], match[2], match[3]
	case <-s.ended:
		t.Fatalf("it ended:\n%s", s.log.String())
	case <-time.After(patience):
		t.Fatalf("it does not print a curl command:\n%s", s.log.String())
	}
	return s
}

// stop ends it in good order, and checks that it said nothing secret.
func (s *serving) stop(t *testing.T, secrets ...string) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.ended:
	case <-time.After(patience):
		t.Fatal("it does not stop")
	}
	said := s.log.String()
	if !s.cmd.ProcessState.Success() {
		t.Errorf("it ended with %v\n%s", s.cmd.ProcessState, said)
	}
	for _, secret := range append(secrets, s.key) {
		if secret == "" || strings.Contains(said, secret) {
			t.Errorf("%q is in the log\n%s", secret, said)
		}
	}
}

// exportStatus is what a client reads of a job.
type exportStatus struct {
	JobID    string `json:"job_id"`
	Status   string `json:"status"`
	Filename string `json:"output_filename"`
	Size     int64  `json:"file_size_bytes"`
	Download string `json:"download_url"`
}

// curl runs curl -sS and returns what it prints.
func (s *serving) ask(t *testing.T, args ...string) string {
	t.Helper()
	return string(command(t, t.TempDir(), "curl", append([]string{"-sS"}, args...)...))
}

func status(t *testing.T, text string) (s exportStatus) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	return s
}

// completed polls until the job is.
func (s *serving) completed(t *testing.T, jobID string) (job exportStatus) {
	t.Helper()
	eventually(t, "completed", func() bool {
		job = status(t, s.ask(t, "-H", "X-API-Key: "+s.key, s.url+"/"+jobID))
		return job.Status != "pending" && job.Status != "processing"
	})
	if job.Status != "completed" || filepath.Base(job.Filename) != job.Filename || job.Download == "" {
		t.Fatalf("the job is %+v", job)
	}
	return job
}

// eventually waits until it is so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("after %v: not yet %s", patience, what)
		}
	}
}
