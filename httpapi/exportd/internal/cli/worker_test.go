//go:build unix

package cli_test

import (
	"context"
	"database/sql"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/orgexport/orgexport/internal/pgtest"
)

// sharedKeys are the signing keys of all nodes.
const sharedKeys = "ORGEXPORT_SIGNING_KEYS=shared:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

// api starts exportd serve without a worker.
func (d jobsDatabase) api(t *testing.T, dir, address string, env ...string) *serving {
	t.Helper()
	s := &serving{cmd: d.command(t, dir, "serve", "--no-worker", "--config", "exportd.yaml", "--listen", address), url: "http://" + address}
	s.cmd.Env = append(s.cmd.Env, append(env, sharedKeys)...)
	if s.start(t); s.greeting != "serving on "+s.url+", documentation at "+s.url+"/docs\n" {
		t.Fatalf("it says %q\n%s", s.greeting, s.log.String())
	}
	return s
}

// worker starts exportd worker.
func (d jobsDatabase) worker(t *testing.T, dir, config string, env ...string) *serving {
	t.Helper()
	s := &serving{cmd: d.command(t, dir, "worker", "--config", config)}
	s.cmd.Env = append(s.cmd.Env, env...)
	if s.start(t); s.greeting != "working on exports\n" {
		t.Fatalf("it says %q\n%s", s.greeting, s.log.String())
	}
	return s
}

// A job that one process has taken is for another to run.
func TestWorker(t *testing.T) {
	t.Parallel()
	d, dir := inPostgres(t), shop(t, organizationSection, productsSection)
	metrics := freeAddress(t)
	write(t, filepath.Join(dir, "worker.yaml"), "metrics: {listen: '"+metrics+"'}\n"+read(t, filepath.Join(dir, "exportd.yaml")))
	s := d.api(t, dir, freeAddress(t))
	key := d.newKey(t, dir, "--organization", acme)
	job := s.request(t, key)
	get(t, s.url+"/readyz", http.StatusOK)
	d.wantJob(t, `pending, owner "", attempt 0, failures 0`)

	w := d.worker(t, dir, "worker.yaml")
	done := s.until(t, key, job, "ended", ended)
	s.download(t, done)
	d.wantJob(t, `completed, owner "", attempt 1, failures 0`)
	if text := get(t, "http://"+metrics+"/metrics", http.StatusOK); !strings.Contains(text, `orgexport_jobs_ended_total{outcome="completed"} 1`) {
		t.Errorf("the metrics of the worker are\n%s", text)
	}
	w.stop(t, key, d.secret)
	s.stop(t, key, d.secret, signature(t, done.Download), strings.Repeat("A", 43))
}

func TestNeedPostgres(t *testing.T) {
	t.Parallel()
	dir := shop(t, organizationSection)
	for args, want := range map[string]string{
		"worker --config exportd.yaml":            "exportd: exportd.yaml: exportd worker needs jobs.database to be PostgreSQL: jobs in SQLite are for the one process",
		"serve --no-worker --config exportd.yaml": "exportd: exportd.yaml: --no-worker needs jobs.database to be PostgreSQL: jobs in SQLite are for the one process",
		"serve --no-worker --data demo":           "exportd: --no-worker needs a --config: the demo is one process\n",
		"worker --config none.yaml":               "exportd: open none.yaml: no such file or directory\n",
		"worker --config exportd.yaml more":       `exportd: "more" is an argument too many: exportd worker [--config FILE] [flags]`,
	} {
		if o := finish(t, command(t, dir, strings.Fields(args)...)); o.stdout != "" {
			t.Errorf("%s says\n%s", args, o.stdout)
		} else {
			o.want(t, 2, want)
		}
	}
	nothingLeft(t, dir)
}

// latch is a PostgreSQL database that is exported, and a section of it that runs
// until open is called, even in the midst of it.
type latch struct {
	db   *sql.DB
	conn *sql.Conn
	env  string // for the environment of exportd
}

const latchSection = `  - key: latch
    records:
      - {file: latch.csv, sql: "SELECT 1 AS n FROM pg_advisory_xact_lock_shared(7) WHERE :organization_id <> ''"}
`

func newLatch(t *testing.T) *latch {
	t.Helper()
	address := pgtest.Database(t)
	l := &latch{env: "ORGEXPORT_SOURCE_DATABASE=" + address}
	var err error
	if l.db, err = sql.Open("pgx", address); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.db.Close() })
	_, err = l.db.ExecContext(t.Context(), "CREATE TABLE organizations AS SELECT '"+acme+"' AS id, 'acme-foods' AS slug, 'Acme Foods' AS name")
	if err != nil {
		t.Fatal(err)
	}
	if l.conn, err = l.db.Conn(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := l.conn.ExecContext(t.Context(), "SELECT pg_advisory_lock(7)"); err != nil {
		t.Fatal(err)
	}
	return l
}

// waits returns once the section runs.
func (l *latch) waits(t *testing.T) {
	t.Helper()
	eventually(t, "at the latch", func() bool {
		var n int
		err := l.db.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_locks JOIN pg_database AS d ON d.oid = database
			WHERE datname = current_database() AND locktype = 'advisory' AND objid = 7 AND NOT granted`).Scan(&n)
		return err == nil && n == 1
	})
}

func (l *latch) open(t *testing.T) {
	t.Helper()
	if _, err := l.conn.ExecContext(t.Context(), "SELECT pg_advisory_unlock(7)"); err != nil {
		t.Fatal(err)
	}
}

// running starts a server of a shop whose export is at the latch.
func (l *latch) running(t *testing.T, d jobsDatabase, stopTimeout string) (dir, key, job string, s *serving) {
	t.Helper()
	dir = shop(t, organizationSection, latchSection)
	configure(t, dir, "jobs: {stop_timeout: "+stopTimeout+"}\n")
	s = d.serve(t, dir, l.env)
	key = d.newKey(t, dir, "--organization", acme)
	job = s.request(t, key)
	l.waits(t)
	return dir, key, job, s
}

// An export that ends in time is not handed back, and who sends requests does not
// wait for it.
func TestStopTimeoutFinishes(t *testing.T) {
	t.Parallel()
	eachJobs(t, func(t *testing.T, d jobsDatabase) {
		l := newLatch(t)
		_, _, _, s := l.running(t, d, "1m")
		if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		eventually(t, "closed to all", func() bool {
			conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
			if err == nil {
				conn.Close()
			}
			return err != nil
		})
		l.waits(t)
		l.open(t)
		if code := s.wait(t); code != 0 {
			t.Errorf("status %d\n%s", code, s.log.String())
		}
		d.wantJob(t, `completed, owner "", attempt 1, failures 0`)
	})
}

// An export that does not end in time is handed back, and goes on elsewhere.
func TestStopTimeoutHandsBack(t *testing.T) {
	t.Parallel()
	eachJobs(t, func(t *testing.T, d jobsDatabase) {
		l := newLatch(t)
		dir, key, job, s := l.running(t, d, "1s")
		began := time.Now()
		s.stop(t, key, d.secret)
		if took := time.Since(began); took < time.Second || took > 20*time.Second {
			t.Errorf("it took %v to stop", took)
		}
		d.wantJob(t, `pending, owner "", attempt 1, failures 0`)
		l.open(t)
		s = d.serve(t, dir, l.env)
		s.download(t, s.until(t, key, job, "ended", ended))
		d.wantJob(t, `completed, owner "", attempt 2, failures 0`)
		s.stop(t, key, d.secret)
	})
}

// TestStopTimeoutSecondSignal does not wait for what the first one lets finish.
func TestStopTimeoutSecondSignal(t *testing.T) {
	t.Parallel()
	l, d := newLatch(t), inSQLite(t)
	_, _, _, s := l.running(t, d, "10m")
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ended := false; !ended; { // the first ones may be one to the process
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-s.ended:
			ended = true
		case <-ctx.Done():
			t.Fatalf("it does not stop:\n%s", s.log.String())
		case <-tick.C:
		}
	}
	if status, ok := s.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGTERM {
		t.Errorf("it ended with %v", s.cmd.ProcessState)
	}
}
