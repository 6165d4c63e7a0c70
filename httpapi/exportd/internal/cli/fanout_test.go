//go:build unix

package cli_test

import (
	"bufio"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/orgexport/orgexport/internal/pgtest"
)

const fanOutConfig = `archive: {prefix: shop-export}
source: {database: "postgres://unused@127.0.0.1/unused"}
organization: {sql: "SELECT id, slug, name FROM organizations WHERE id = :organization_id"}
limits: {requests_per_minute: 1000000, requests_per_day: 1000000, exports_at_once: none, exports_per_day: none}
jobs: {workers: 1, fan_out: true}
concurrency: 1
archives: {store: 'dir:store'}
metrics: {listen: '127.0.0.1:0'}
sections:
`

// waitingSection is a section that waits as long as the table pace says of it.
func waitingSection(key string) string {
	return fmt.Sprintf(`  - key: %[1]s
    records:
      - {file: %[1]s.csv, sql: "SELECT 1 AS n, wait('%[1]s') AS waited WHERE :organization_id <> ''"}
`, key)
}

// ordersSection has 8 shards, each of which waits as often as it is read. The database leaves out
// the wait when it looks for the borders of the shards.
const ordersSection = `  - key: orders
    shards: 8
    shard_key: id
    records:
      - {file: orders.ndjson, sql: "SELECT id, organization_id, note, price, placed, (SELECT wait('orders')) AS waited FROM orders WHERE organization_id = :organization_id"}
      - {file: orders.csv, sql: "SELECT id, note, price, placed FROM orders WHERE organization_id = :organization_id"}
      - {file: orders.json, sql: "SELECT id, note, price FROM orders WHERE organization_id = :organization_id"}
      - {file: orders.yaml, sql: "SELECT id, note FROM orders WHERE organization_id = :organization_id AND id % 10 = 0"}
      - {file: "{{.id}}/order.yaml", each: row, sql: "SELECT id, note FROM orders WHERE organization_id = :organization_id AND id % 100 = 0"}
      - {file: notes.csv, whole: true, sql: "SELECT id, note FROM orders WHERE organization_id = :organization_id AND id < 100 ORDER BY id DESC"}
`

const waitFunction = `CREATE OR REPLACE FUNCTION wait(which text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN PERFORM pg_sleep(coalesce((SELECT seconds FROM pace WHERE section = which), 0)); RETURN ''; END $$;`

const fanOutSchema = `
CREATE TABLE organizations AS SELECT '` + acme + `' AS id, 'acme-foods' AS slug, 'Acme Foods' AS name;
CREATE TABLE pace (section text PRIMARY KEY, seconds float NOT NULL);
` + waitFunction + `
CREATE TABLE orders AS SELECT n AS id, CASE WHEN n % 3 = 0 THEN 'aQUEktNMu3Fe65ax6FSWEb' ELSE 'bQUEktNMu3Fe65ax6FSWEb' END AS organization_id,
	'Order, "' || md5(n::text) || E'"\nof Zoë' AS note, CASE WHEN n % 7 > 0 THEN round(n / 7.0, 2) END AS price, timestamptz '2026-01-02 03:04:05+00' + n * interval '1 minute' AS placed
	FROM generate_series(1, 9000) n ORDER BY md5(n::text);
CREATE UNIQUE INDEX ON orders (organization_id, id);
ANALYZE orders; -- or plans change when the server does
`

// savedJob lets a job that waits never begin: see fanOut.again.
const savedJob = "CREATE TABLE saved AS SELECT * FROM orgexport_jobs; UPDATE saved SET lease_until = 1, due_at = 1; DELETE FROM orgexport_jobs"

// fanOut is a node of the API and workers that help each other. Jobs are in one database of
// PostgreSQL and rows in another.
type fanOut struct {
	t       *testing.T
	d       jobsDatabase // of the jobs
	source  jobsDatabase
	dir     string
	key     string
	api     *serving
	workers []*serving
	metrics []string // of each worker

	before [][2]float64 // the counters before an export
}

// newFanOut starts the node.
func newFanOut(t *testing.T, config string) *fanOut {
	t.Helper()
	address := pgtest.Database(t)
	f := &fanOut{t: t, d: inPostgres(t), source: jobsDatabase{driver: "pgx", source: address}, dir: t.TempDir()}
	f.d.sourceEnv = "ORGEXPORT_SOURCE_DATABASE=" + address
	f.source.exec(t, fanOutSchema)
	write(t, filepath.Join(f.dir, "exportd.yaml"), config)
	f.api = f.d.api(t, f.dir, freeAddress(t))
	f.key = f.d.newKey(t, f.dir, "--organization", acme)
	return f
}

// pace says how long sections wait.
func (f *fanOut) pace(section string, seconds float64) {
	f.t.Helper()
	f.source.exec(f.t, fmt.Sprintf("INSERT INTO pace VALUES ('%s', %g) ON CONFLICT (section) DO UPDATE SET seconds = %[2]g", section, seconds))
}

// work starts workers, with or without fan_out.
func (f *fanOut) work(n int, on bool) {
	f.t.Helper()
	old := len(f.workers)
	for range n {
		metrics := freeAddress(f.t)
		name := fmt.Sprintf("worker-%d.yaml", len(f.workers))
		text := strings.Replace(read(f.t, filepath.Join(f.dir, "exportd.yaml")), "fan_out: true", "fan_out: "+strconv.FormatBool(on), 1)
		write(f.t, filepath.Join(f.dir, name), strings.Replace(text, "127.0.0.1:0", metrics, 1))
		s := &serving{cmd: f.d.command(f.t, f.dir, "worker", "--config", name)}
		s.begin(f.t)
		f.workers, f.metrics = append(f.workers, s), append(f.metrics, metrics)
	}
	for _, s := range f.workers[old:] {
		if s.greeting = <-s.said; s.greeting != "working on exports\n" {
			f.t.Fatalf("it says %q\n%s", s.greeting, s.log.String())
		}
	}
}

// rest stops the workers.
func (f *fanOut) rest() {
	f.t.Helper()
	for _, w := range f.workers {
		w.stop(f.t, f.d.secret)
	}
	f.workers, f.metrics = nil, nil
}

// metric is what a metric of a worker is, 0 if there is none.
func (f *fanOut) metric(worker int, name string) (sum float64) {
	f.t.Helper()
	lines := bufio.NewScanner(strings.NewReader(get(f.t, "http://"+f.metrics[worker]+"/metrics", http.StatusOK)))
	for lines.Scan() {
		series, value, _ := strings.Cut(lines.Text(), " ")
		if series, _, _ = strings.Cut(series, "{"); series == name {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				f.t.Fatal(lines.Text())
			}
			sum += n
		}
	}
	return sum
}

// fanOutJob is what a job's row has of its workers.
type fanOutJob struct {
	status  string
	claims  int
	parts   map[string]int // the number of the worker that has sealed it
	helpers int
}

// job reads the row of a job.
func (f *fanOut) job(id string) (j fanOutJob) {
	f.t.Helper()
	var parts, helpers []byte
	f.d.row(f.t, "SELECT status, claims, parts, helpers FROM orgexport_jobs WHERE id = '"+id+"'", &j.status, &j.claims, &parts, &helpers)
	var list []struct {
		Section        string
		Shard, Attempt int
	}
	var all []any
	if json.Unmarshal(parts, &list) != nil || json.Unmarshal(helpers, &all) != nil {
		f.t.Fatalf("the row has the parts %s and the helpers %s", parts, helpers)
	}
	j.parts, j.helpers = make(map[string]int), len(all)
	for _, p := range list {
		j.parts[fmt.Sprint(p.Section, " ", p.Shard)] = p.Attempt
	}
	return j
}

// again lets a job wait as it was when it was saved, without a trace of what has become of it.
func (f *fanOut) again(job string) {
	f.t.Helper()
	for _, folder := range []string{"archives/" + acme, "parts/" + job} {
		if err := os.RemoveAll(filepath.Join(f.dir, "store", folder)); err != nil {
			f.t.Fatal(err)
		}
	}
	f.d.exec(f.t, "DELETE FROM orgexport_jobs WHERE id = '"+job+"'; INSERT INTO orgexport_jobs SELECT * FROM saved")
	f.before = f.counters()
}

// TestFanOut exports one job by one to three workers, which makes the same bytes each time. It lets
// queries go on when there is one for each worker, so that it ends only if all have one, to the end.
func TestFanOut(t *testing.T) {
	needsLong(t)
	t.Parallel()
	const waits = 12 + 8
	config := fanOutConfig
	for i := range waits - 8 {
		config += waitingSection(fmt.Sprintf("wait_%02d", i))
	}
	f := newFanOut(t, config+ordersSection)
	job := f.api.request(t, f.key)
	f.d.exec(t, savedJob)
	f.work(2, false)
	f.again(job)
	plain, files, _ := f.ends(job)
	f.wantWorkers(job, 1)
	f.wantOrders(files)
	f.rest()
	g := newGate(f)
	for n := 1; n <= 3; n++ {
		f.work(1, true)
		f.again(job)
		for left := waits; left > 0; left -= min(n, left) {
			g.letThrough(min(n, left))
		}
		if archive, _, _ := f.ends(job); archive != plain {
			t.Errorf("the archive of %d workers is another", n)
		}
		f.wantWorkers(job, n)
	}
	g.remove()
	f.wantLinear(job, waits)
	f.rest()
	f.api.stop(t, f.key, f.d.secret)
}

// gate is a lock before which all queries wait that call wait.
type gate struct {
	f    *fanOut
	conn *sql.Conn
}

func newGate(f *fanOut) *gate {
	f.t.Helper()
	f.source.exec(f.t, "CREATE OR REPLACE FUNCTION wait(which text) RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN ''; END $$")
	db := f.source.open(f.t)
	f.t.Cleanup(func() { db.Close() })
	conn, err := db.Conn(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	g := &gate{f, conn}
	g.exec("SELECT pg_advisory_lock(7)")
	return g
}

func (g *gate) exec(statement string) {
	g.f.t.Helper()
	if _, err := g.conn.ExecContext(g.f.t.Context(), statement); err != nil {
		g.f.t.Fatal(err)
	}
}

// letThrough waits until so many queries are at the gate, and lets them through. The gate is closed
// again when they have ended.
func (g *gate) letThrough(n int) {
	g.f.t.Helper()
	eventually(g.f.t, fmt.Sprint(n, " queries at the gate"), func() bool {
		waiting := 0
		g.f.source.row(g.f.t, `SELECT count(*) FROM pg_locks JOIN pg_database AS d ON d.oid = database
			WHERE datname = current_database() AND locktype = 'advisory' AND objid = 7 AND NOT granted`, &waiting)
		if waiting > n {
			g.f.t.Fatalf("%d queries run at once, want %d", waiting, n)
		}
		return waiting == n
	})
	g.exec("SELECT pg_advisory_unlock(7)")
	g.exec("SELECT pg_advisory_lock(7)")
}

// remove lets queries wait for a time again.
func (g *gate) remove() {
	g.f.t.Helper()
	g.exec("SELECT pg_advisory_unlock(7)")
	g.exec(waitFunction)
}

// wantLinear: workers take as much less time for what waits as there are more of them.
func (f *fanOut) wantLinear(job string, waits int) {
	f.t.Helper()
	f.rest()
	f.source.exec(f.t, fmt.Sprintf("INSERT INTO pace SELECT 'wait_' || lpad(n::text, 2, '0'), 1 FROM generate_series(0, %d) n UNION ALL SELECT 'orders', 1", waits))
	for n := 1; n <= 3; n++ {
		f.work(1, true)
		f.again(job)
		_, _, took := f.ends(job)
		share := float64(waits) / float64(n) / took.Seconds()
		f.t.Logf("%d workers take %v for waits of %ds, which is %.2f of linear", n, took.Round(time.Millisecond), waits, share)
		if share < 0.8 {
			f.t.Errorf("%d workers make %.2f of the work of one", n, share*float64(n))
		}
	}
}

// ends waits until the workers have exported the job, and returns the archive, its files and how long
// it took since the first one has begun.
func (f *fanOut) ends(job string) (archive string, files map[string]string, took time.Duration) {
	f.t.Helper()
	f.api.until(f.t, f.key, job, "begun", func(a answer) bool { return a.Status != "pending" })
	began := time.Now()
	done := f.api.until(f.t, f.key, job, "ended", func(a answer) bool {
		took = time.Since(began)
		return ended(a)
	})
	files = f.api.download(f.t, done)
	return get(f.t, done.Download, http.StatusOK), files, took
}

// counters are how often each worker has helped, and how many sections and shards it has exported.
func (f *fanOut) counters() (all [][2]float64) {
	f.t.Helper()
	for i := range f.workers {
		all = append(all, [2]float64{f.metric(i, "orgexport_jobs_helped_total"), f.metric(i, "orgexport_section_duration_seconds_count")})
	}
	return all
}

// wantWorkers: so many workers were at the export, as each of them says, the row and the metrics.
func (f *fanOut) wantWorkers(job string, n int) {
	f.t.Helper()
	j := f.job(job)
	if j.claims != n || j.helpers != 0 || f.metric(0, "orgexport_helpers") != 0 {
		f.t.Errorf("%d workers were at the job, want %d, and %d still are", j.claims, n, j.helpers)
	}
	helped, worked, sealed := 0.0, 0, 0.0
	for i, after := range f.counters() {
		helps := after[0] - f.before[i][0]
		if helped += helps; strings.Contains(f.workers[i].log.String(), "this process helps with a job") != (after[0] > 0) {
			f.t.Errorf("worker %d has helped %v times, and says\n%s", i, helps, f.workers[i].log.String())
		}
		if exported := after[1] - f.before[i][1]; exported > 0 {
			worked++
			sealed += exported
		}
	}
	if helped != float64(n-1) || worked != n || sealed != float64(len(j.parts)) {
		f.t.Errorf("workers have helped %v times, and %d have exported %v sections and shards, want %d and %d", helped, worked, sealed, n, len(j.parts))
	}
}

// wantOrders: rows are what the database makes of them, in the order of the key.
func (f *fanOut) wantOrders(files map[string]string) {
	f.t.Helper()
	db := f.source.open(f.t)
	defer db.Close()
	all := rowsOf(f.t, db, `SELECT id, organization_id, note, price, to_char(placed AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS placed, '' AS waited
		FROM orders WHERE organization_id = '`+acme+"' ORDER BY id")
	lines := strings.Split(strings.TrimSuffix(files["orders/orders.ndjson"], "\n"), "\n")
	cells, err := csv.NewReader(strings.NewReader(files["orders/orders.csv"])).ReadAll()
	if err != nil {
		f.t.Fatal(err)
	}
	var list []json.RawMessage
	if err := json.Unmarshal([]byte(files["orders/orders.json"]), &list); err != nil {
		f.t.Fatal(err)
	}
	prices := rowsOf(f.t, db, "SELECT id, note, price FROM orders WHERE organization_id = '"+acme+"' ORDER BY id")
	if len(all) != 3000 || len(lines) != len(all) || len(cells) != len(all)+1 || len(list) != len(all) {
		f.t.Fatalf("of %d rows there are %d, %d and %d", len(all), len(lines), len(cells)-1, len(list))
	}
	for i := range all {
		if !sameJSON(lines[i], all[i]) || !sameJSON(string(list[i]), prices[i]) {
			f.t.Fatalf("row %d is %s and %s, want %s", i, lines[i], list[i], all[i])
		}
		if note := cells[i+1][1]; cells[i+1][0] != strconv.Itoa(3*(i+1)) || !strings.HasSuffix(note, "of Zoë") {
			f.t.Fatalf("row %d is %q", i, cells[i+1])
		}
	}
	documents := strings.Split(files["orders/orders.yaml"], "---\n")[1:]
	for i, text := range documents {
		var row struct{ ID int }
		if err := yaml.Unmarshal([]byte(text), &row); err != nil || row.ID != 30*(i+1) {
			f.t.Fatalf("row %d is %q: %v", i, text, err)
		}
	}
	singles := 0
	for name := range files {
		if strings.HasSuffix(name, "/order.yaml") {
			singles++
		}
	}
	if first := strings.SplitN(files["orders/notes.csv"], "\r\n", 3); singles != 30 || len(documents) != 300 || !strings.HasPrefix(first[1], "99,") {
		f.t.Errorf("%d rows in YAML, %d files of one row, and %q is first of those in an order of their own", len(documents), singles, first)
	}
}

// rowsOf are rows as PostgreSQL writes them in JSON.
func rowsOf(t *testing.T, db *sql.DB, query string) (all []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT row_to_json(q)::text FROM ("+query+") AS q")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var row string
		if err := rows.Scan(&row); err != nil {
			t.Fatal(err)
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
