//go:build linux

package soak_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startPatience is how long a process may take to be ready, and to end. The machine may
// be busy with something else.
const startPatience = 2 * time.Minute

// limits are those of a process, as ulimit takes them.
type limits struct {
	memoryKiB   int // of address space
	descriptors int
}

// process is an exportd that runs.
type process struct {
	cmd     *exec.Cmd
	address string // of the API
	metrics string // address, empty if it has none
	log     string // file
	ended   chan struct{}
}

// site is a folder with a configuration, and the environment of those that use it.
type site struct {
	dir string
	env []string
}

// command is exportd, to be started in the folder under limits.
func (s *site) command(t *testing.T, l limits, args ...string) *exec.Cmd {
	t.Helper()
	script := `exec "$0" "$@"`
	if l.descriptors > 0 {
		script = fmt.Sprintf("ulimit -n %d && %s", l.descriptors, script)
	}
	if l.memoryKiB > 0 {
		script = fmt.Sprintf("ulimit -v %d && %s", l.memoryKiB, script)
	}
	c := exec.CommandContext(context.WithoutCancel(t.Context()), "sh", append([]string{"-c", script, exportd(t)}, args...)...)
	c.Dir = s.dir
	// The C library, where exportd has it, reserves 64 MiB of address space for each thread.
	c.Env = append(append(os.Environ(), "MALLOC_ARENA_MAX=1"), s.env...)
	return c
}

// begin starts exportd serve. It is not ready yet. Its log goes on behind that of the
// process before it.
func (s *site) begin(t *testing.T, l limits, config, address, metrics string) *process {
	t.Helper()
	p := &process{address: address, metrics: metrics, log: filepath.Join(s.dir, config+".log"), ended: make(chan struct{})}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p.cmd = s.command(t, l, "serve", "--config", config, "--listen", address)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // how it ended is in ProcessState
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
	})
	return p
}

// ready waits until the process says that it is. It returns false if it ends instead.
func (p *process) ready(ctx context.Context) bool {
	ready := false
	eventually(ctx, startPatience, func() bool {
		ready = p.running() && statusOf(ctx, "http://"+p.address+"/readyz") == http.StatusOK
		return ready || !p.running()
	})
	return ready
}

func (p *process) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// kill ends the process as a crash does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// stop ends the process in good order, and returns its exit status; -1 stands for a
// signal or none at all.
func (p *process) stop() int {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(startPatience):
		return -1
	}
}

// said returns the end of what the process has logged, without what is usual.
func (p *process) said() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	var lines []string
	for line := range strings.Lines(string(b)) {
		if !strings.Contains(line, "level=INFO") && !strings.Contains(line, `msg="item skipped"`) {
			lines = append(lines, line[:min(len(line), 500)])
		}
	}
	return strings.Join(lines[max(0, len(lines)-40):], "")
}

// usage is what a process holds.
type usage struct {
	rss         int64 // bytes
	descriptors int
	goroutines  int // 0 if there are no metrics
}

// usage asks the system and the process.
func (p *process) usage(ctx context.Context) (u usage, err error) {
	proc := fmt.Sprintf("/proc/%d", p.cmd.Process.Pid)
	open, err := os.ReadDir(proc + "/fd")
	if err != nil {
		return u, err
	}
	u.descriptors = len(open)
	status, err := os.ReadFile(proc + "/status")
	if err != nil {
		return u, err
	}
	_, rest, _ := strings.Cut(string(status), "\nVmRSS:")
	kib, err := strconv.ParseInt(strings.Fields(rest + " ?")[0], 10, 64)
	if err != nil {
		return u, err
	}
	u.rss = kib << 10
	if p.metrics != "" {
		u.goroutines, err = p.gauge(ctx, "go_goroutines")
	}
	return u, err
}

// gauge reads one of the metrics without labels.
func (p *process) gauge(ctx context.Context, name string) (int, error) {
	text, err := fetch(ctx, "http://"+p.metrics+"/metrics")
	if err != nil {
		return 0, err
	}
	_, rest, ok := strings.Cut(text, "\n"+name+" ")
	if !ok {
		return 0, fmt.Errorf("there is no metric %s", name)
	}
	line, _, _ := strings.Cut(rest, "\n")
	value, err := strconv.ParseFloat(line, 64)
	return int(value), err
}

// fetch is a GET on a connection of its own.
func fetch(ctx context.Context, url string) (string, error) {
	response, err := ask(ctx, url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	return string(b), err
}

// statusOf is the status of an answer, 0 if there is none.
func statusOf(ctx context.Context, url string) int {
	response, err := ask(ctx, url)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	return response.StatusCode
}

func ask(ctx context.Context, url string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	r.Close = true
	client := http.Client{Timeout: 10 * time.Second}
	return client.Do(r)
}

// freeAddress returns an address of this machine that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
