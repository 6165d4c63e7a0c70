//go:build linux

package cli_test

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive/archivetest"
)

const measuredConfig = `archive: {prefix: shop-export}
source: {database: "postgres://unused@127.0.0.1/unused"}
organization: {sql: "SELECT id, slug, name FROM organizations WHERE id = :organization_id"}
limits: {requests_per_minute: 1000000, requests_per_day: 1000000, exports_at_once: none, exports_per_day: none}
jobs: {workers: 1, fan_out: true}
archives: {store: 'dir:store'}
sections:
  - key: whole
    records:
      - {file: rows.ndjson, sql: "SELECT * FROM measured WHERE organization_id = :organization_id ORDER BY id"}
  - key: split
    shards: 8
    shard_key: id
    records:
      - {file: rows.ndjson, sql: "SELECT * FROM measured WHERE organization_id = :organization_id"}
`

// maxWorkerMiB is how much memory a worker has at most that exports one job at once.
const maxWorkerMiB = 64

// TestMeasureShards exports a table as a whole, in shards, and in shards by two workers, by turns,
// and prints what that takes. Only memory is judged: the rest depends on what else runs. With -long
// the table has ten million rows.
func TestMeasureShards(t *testing.T) {
	if archivetest.RaceDetector {
		t.Skip("the race detector takes memory")
	}
	rows, rounds := 100_000, 1
	if archivetest.Long() {
		rows, rounds = 10_000_000, 3
	}
	f := newFanOut(t, measuredConfig)
	f.source.exec(t, fmt.Sprintf(`CREATE TABLE measured AS SELECT n AS id, '%s' AS organization_id, 'Product ' || md5(n::text) || ' ' || md5((-n)::text) AS name,
		round(n %% 100000 / 100.0, 2) AS price, timestamptz '2026-01-02 03:04:05+00' + n * interval '1 second' AS created FROM generate_series(1, %d) n`, acme, rows))
	f.source.exec(t, "CREATE UNIQUE INDEX ON measured (organization_id, id)")
	f.source.exec(t, "VACUUM ANALYZE measured")
	if plain.once.Do(func() { buildPlain(t.Context()) }); plain.err != nil {
		t.Fatal(plain.err)
	}
	for range rounds {
		for _, c := range []struct {
			section string
			workers int
		}{{"whole", 1}, {"split", 1}, {"split", 2}} {
			f.measure(c.section, c.workers, rows)
		}
	}
}

// measure exports a section by so many workers of the real program, and prints what that takes.
func (f *fanOut) measure(section string, workers, rows int) {
	f.t.Helper()
	var all []*exec.Cmd
	for range workers {
		c := f.d.command(f.t, f.dir, "worker", "--config", "exportd.yaml")
		c.Path = filepath.Join(plain.dir, "exportd")
		s := &serving{cmd: c}
		if s.start(f.t); s.greeting != "working on exports\n" {
			f.t.Fatalf("it says %q\n%s", s.greeting, s.log.String())
		}
		all = append(all, c)
		defer s.stop(f.t)
	}
	var before []time.Duration
	for _, c := range all {
		before = append(before, cpuOf(f.t, c.Process.Pid))
	}
	a := f.api.ask(f.t, f.key, http.MethodPost, acme, "?archive_format=zip&sections="+section)
	began := time.Now()
	done := a
	within(f.t, time.Hour, "ended", func() bool {
		done = f.api.ask(f.t, f.key, http.MethodGet, acme, "/"+a.JobID)
		return ended(done)
	})
	took := time.Since(began)
	if done.Status != "completed" || len(done.Sections) != 1 || done.Sections[0].Status != "ok" {
		f.t.Fatalf("the job is %+v", done)
	}
	report := ""
	for i, c := range all {
		peak := peakMiB(f.t, c.Process.Pid)
		report += fmt.Sprintf("; %.1fs of CPU, %d MiB", (cpuOf(f.t, c.Process.Pid) - before[i]).Seconds(), peak)
		if peak > maxWorkerMiB {
			f.t.Errorf("%s: a worker has had %d MiB, want at most %d", section, peak, maxWorkerMiB)
		}
	}
	parts := sizeOf(f.t, filepath.Join(f.dir, "store/parts", a.JobID))
	f.t.Logf("%d rows, %s, %d workers: %v%s; archive %d MB, parts %d MB", rows, section, workers, took.Round(time.Millisecond), report, done.Size/1e6, parts/1e6)
	if code := f.api.ask(f.t, f.key, http.MethodDelete, acme, "/"+a.JobID).code; code != http.StatusNoContent {
		f.t.Fatalf("DELETE gives %d", code)
	}
}

// cpuOf is how long a process has run on processors.
func cpuOf(t *testing.T, pid int) time.Duration {
	t.Helper()
	_, text, _ := strings.Cut(read(t, fmt.Sprintf("/proc/%d/stat", pid)), ") ")
	fields := strings.Fields(text)
	const tick = 10 * time.Millisecond
	var cpu time.Duration
	for _, field := range fields[11:13] { // utime and stime
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		cpu += time.Duration(n) * tick
	}
	return cpu
}

// peakMiB is the most memory that a process has had.
func peakMiB(t *testing.T, pid int) int {
	t.Helper()
	_, text, _ := strings.Cut(read(t, fmt.Sprintf("/proc/%d/status", pid)), "VmHWM:")
	kib, err := strconv.Atoi(strings.Fields(text)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kib >> 10
}

// sizeOf is the size of the files below a folder.
func sizeOf(t *testing.T, dir string) (sum int64) {
	t.Helper()
	for _, name := range filesOf(t, dir) {
		info, err := fs.Stat(os.DirFS(dir), name)
		if err != nil {
			t.Fatal(err)
		}
		sum += info.Size()
	}
	return sum
}
