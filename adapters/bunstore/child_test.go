package bunstore

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/uptrace/bun"
)

// The environment of a child: the database that it migrates and, if it is not to
// come to an end, after which query of the migration it stops.
const (
	childAddress = "BUNSTORE_TEST_ADDRESS"
	childStop    = "BUNSTORE_TEST_STOP"
)

// child is a process that says "ready", waits for its input to end and migrates a
// database. It says "stopped" when it has come to where it is to stop, or "done".
func child(address string) {
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := migrateWithExtra(address); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("done")
}

func migrateWithExtra(address string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s, err := newWithExtra(ctx, address)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Check(ctx); err != nil && !errors.Is(err, ErrOlderSchema) { // what it sees must not be remembered
		return err
	}
	stop, err := strconv.Atoi(os.Getenv(childStop))
	if err != nil {
		return err
	}
	s.db = s.db.WithQueryHook(&stopper{stop: stop})
	if err := s.Migrate(ctx); err != nil {
		return err
	}
	return s.Check(ctx)
}

// extra is a migration after the last.
const extra = "CREATE TABLE orgexport_extra (id INTEGER); ALTER TABLE orgexport_jobs ADD COLUMN extra INTEGER"

// stopper counts queries and stops the process after one of them.
type stopper struct{ stop, seen int }

func (s *stopper) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }

func (s *stopper) AfterQuery(context.Context, *bun.QueryEvent) {
	s.seen++
	if s.seen == s.stop {
		fmt.Println("stopped")
		select {} // until the process is killed
	}
}

// process is a child of the test.
type process struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr bytes.Buffer
}

func startChild(t *testing.T, address string, stop int) *process {
	t.Helper()
	p := &process{cmd: exec.CommandContext(t.Context(), os.Args[0])}
	p.cmd.Env = append(os.Environ(), childAddress+"="+address, childStop+"="+strconv.Itoa(stop))
	p.cmd.Stderr = &p.stderr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.in, p.out = in, bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line := p.line(); line != "ready" {
		t.Fatalf("the child says %q: %s", line, p.stderr.String())
	}
	return p
}

func (p *process) line() string {
	line, _, _ := p.out.ReadLine()
	return string(line)
}

// run lets the child begin and returns what it says.
func (p *process) run() string {
	_ = p.in.Close()
	return p.line()
}

// kill ends the child as a power cut would.
func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.cmd.Wait() // says that it was killed
}
