package riverqueue_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
)

// childWorker is the variable of the environment that makes a worker of the test
// binary, which is what its value says.
const childWorker = "RIVERQUEUE_TEST_WORKER"

// workerConfig is what a worker process is told.
type workerConfig struct {
	Name    string
	Address string        // of the database
	Folder  string        // that it shares with others
	Jobs    int           // at once; 0 means 2
	Pace    time.Duration // of its sections
	Late    time.Duration // of its storage
	Skew    time.Duration // of its clock
	FanOut  bool          // and sections that can be split

	// Lease, Heartbeat, ReapEvery and SweepEvery are 0 for the defaults.
	Lease, Heartbeat, ReapEvery, SweepEvery time.Duration
}

// openWorker makes the node of a worker.
func openWorker(ctx context.Context, c workerConfig, logger *slog.Logger) (*node, error) {
	organizations := jobstest.MemOrganizations{}
	for i, id := range slowOrganizations {
		organizations[id] = export.Organization{ID: id, Slug: fmt.Sprintf("org-%d", i), Name: fmt.Sprintf("Organization %d", i)}
	}
	return nodeConfig{
		address: c.Address, folder: c.Folder, workers: c.Jobs, late: c.Late, written: noteWrites(c.Name),
		sections: slowSections(c.Pace, c.FanOut, noteRun(c.Folder)),
		Config: jobs.Config{
			Organizations: organizations, Node: c.Name, Logger: logger, PartsRetention: -1, FanOut: c.FanOut,
			Lease: c.Lease, Heartbeat: c.Heartbeat, ReapEvery: c.ReapEvery, SweepEvery: c.SweepEvery,
			Observers: []jobs.Observer{attempts()}, Now: func() time.Time { return time.Now().Add(c.Skew) },
		},
	}.open(ctx)
}

// newRequests makes the node by which a test asks for exports, and the tables.
func newRequests(t *testing.T, c workerConfig) *node {
	t.Helper()
	n, err := openWorker(t.Context(), c, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.store.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := n.store.DB().ExecContext(t.Context(), makeWrites); err != nil {
		t.Fatal(err)
	}
	return n
}

// slowOrganizations are those whose sections are slow.
var slowOrganizations = []string{
	"3333333333333333333333", "4444444444444444444444", "5555555555555555555555",
	"6666666666666666666666", "7777777777777777777777", "8888888888888888888888",
	"9999999999999999999999", "AAAAAAAAAAAAAAAAAAAAAA",
}

// makeWrites makes the table in which all writes of jobs are noted, each in the
// transaction that makes it.
const makeWrites = "CREATE TABLE writes (number bigserial PRIMARY KEY, writer text, job text)"

func noteWrites(writer string) func(context.Context, *sql.Tx, *jobs.Job) error {
	return func(ctx context.Context, tx *sql.Tx, job *jobs.Job) error {
		text, err := json.Marshal(job)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO writes (writer, job) VALUES ($1, $2)", writer, string(text))
		return err
	}
}

// childWork is a worker process. It stops when its standard input ends, as it does
// with the test, and tries again where it cannot reach the database at the start.
func childWork(text string) {
	var c workerConfig
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		panic(err)
	}
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil)).With("worker", c.Name)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	for ctx.Err() == nil {
		if err := work(ctx, c, logger); err != nil {
			logger.Warn("worker begins anew", "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(200 * time.Millisecond):
			}
		}
	}
}

func work(ctx context.Context, c workerConfig, logger *slog.Logger) error {
	n, err := openWorker(ctx, c, logger)
	if err != nil {
		return err
	}
	tending, stop := context.WithCancel(context.WithoutCancel(ctx))
	tended := make(chan bool)
	go func() {
		defer close(tended)
		n.service.Maintain(tending)
	}()
	err = n.queue.Run(ctx, n.service.Work)
	stop()
	<-tended
	return errors.Join(err, n.store.Close())
}

// worker is a process as the test sees it.
type worker struct {
	workerConfig
	cmd  *exec.Cmd
	in   io.Closer
	over chan bool // closed when it has ended
	err  error     // how it ended
}

// startWorker starts a process, which ends with the test. What all of a folder log
// is in one file there.
func startWorker(t *testing.T, c workerConfig) *worker {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.OpenFile(filepath.Join(c.Folder, logFile), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close() // the process has its own
	w := &worker{workerConfig: c, cmd: exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0]), over: make(chan bool)}
	w.cmd.Env = append(os.Environ(), childWorker+"="+string(text))
	w.cmd.Stderr = log
	if w.in, err = w.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(w.over)
		w.err = w.cmd.Wait()
	}()
	t.Cleanup(func() { _ = w.kill() }) // it has ended, unless the test has failed
	return w
}

const logFile = "log"

// kill kills the process and waits for its end.
func (w *worker) kill() error {
	err := w.cmd.Process.Kill()
	<-w.over
	return err
}

// stop asks the process to end and waits until it has.
func (w *worker) stop() error {
	if err := w.in.Close(); err != nil {
		return err
	}
	select {
	case <-w.over:
		return w.err
	case <-time.After(time.Minute):
		return fmt.Errorf("worker %s does not stop", w.Name)
	}
}
