//go:build unix

package cli_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive/archivetest"
)

// A job that is cancelled ends the queries of all workers at once.
func TestFanOutCancelled(t *testing.T) {
	needsLong(t)
	t.Parallel()
	f := newFanOut(t, fanOutConfig+waitingSection("wait")+ordersSection)
	f.pace("wait", 60)
	f.pace("orders", 60)
	f.work(3, true)
	took := time.Hour
	for tries := 0; tries < 3 && took > time.Second; tries++ { // the machine may be busy
		job := f.api.request(t, f.key)
		eventually(t, "three queries at once", func() bool { return f.queries("active") == 3 })
		if helpers := f.metric(0, "orgexport_helpers"); helpers != 2 {
			t.Errorf("there are %v helpers", helpers)
		}
		shown := f.d.operator(t, f.dir, "jobs", "show", job)
		for text, n := range map[string]int{"HELPER ": 1, "\norders/": 8, "  running  ": 2 + 3} { // two sections, three of whose shards have a worker
			if got := strings.Count(shown.stdout, text); got != n {
				t.Errorf("%q is %d times in what is shown, want %d\n%s", text, got, n, shown.stdout)
			}
		}
		began := time.Now()
		if a := f.api.ask(t, f.key, http.MethodDelete, acme, "/"+job); a.code != http.StatusNoContent {
			t.Fatalf("DELETE gives %d", a.code)
		}
		eventually(t, "without queries", func() bool {
			took = time.Since(began)
			return f.queries("active") == 0 && f.queries("idle in transaction") == 0
		})
		t.Logf("queries have ended %v after DELETE", took.Round(time.Millisecond))
		if a := f.api.ask(t, f.key, http.MethodGet, acme, "/"+job); a.Status != "failed" || a.Error != "The export was cancelled." {
			t.Errorf("the job is %+v", a)
		}
		eventually(t, "without helpers", func() bool { return f.metric(0, "orgexport_helpers") == 0 })
	}
	if took > time.Second {
		t.Errorf("queries have ended %v after DELETE", took)
	}
	f.rest()
}

// queries are how many connections to the source are in that state.
func (f *fanOut) queries(state string) (n int) {
	f.t.Helper()
	f.source.row(f.t, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = '"+state+"'", &n)
	return n
}

// The sections and shards of a worker that is killed are made by others, unless they are sealed.
func TestFanOutKilled(t *testing.T) {
	needsLong(t)
	t.Parallel()
	for _, which := range []string{"helper", "own"} {
		t.Run(which, func(t *testing.T) {
			t.Parallel()
			f := newFanOut(t, fanOutConfig+waitingSection("wait")+ordersSection)
			f.pace("wait", 1)
			f.pace("orders", 1)
			f.work(3, true)
			job := f.api.request(t, f.key)
			helps := func(s *serving) bool { return strings.Contains(s.log.String(), "this process helps with a job") }
			var before fanOutJob
			eventually(t, "shards of three workers", func() bool {
				before = f.job(job)
				makers := make(map[int]bool)
				for _, worker := range before.parts {
					makers[worker] = true
				}
				return len(makers) == 3
			})
			at := slices.IndexFunc(f.workers, func(s *serving) bool { return helps(s) == (which == "helper") })
			if code := f.workers[at].signal(t, syscall.SIGKILL); code != -1 {
				t.Fatalf("it ended with status %d", code)
			}
			killed := f.job(job) // it may have sealed one more
			f.workers, f.metrics = slices.Delete(f.workers, at, at+1), slices.Delete(f.metrics, at, at+1)
			done := f.api.until(t, f.key, job, "ended", ended)
			f.wantOrders(f.api.download(t, done))
			after := f.job(job)
			kept := maps.Clone(after.parts)
			maps.DeleteFunc(kept, func(shard string, _ int) bool { return killed.parts[shard] == 0 })
			if len(after.parts) != 9 || len(before.parts) >= 9 || !maps.Equal(kept, killed.parts) {
				t.Errorf("parts were %v when a worker was killed, and are %v", killed.parts, after.parts)
			}
			lost := f.metric(0, "orgexport_helpers_lost_total") + f.metric(1, "orgexport_helpers_lost_total")
			if want := map[string]float64{"helper": 1}[which]; lost != want || f.metric(0, "orgexport_helpers") != 0 {
				t.Errorf("%v helpers are lost, want %v, and %v are there", lost, want, f.metric(0, "orgexport_helpers"))
			}
			f.rest()
		})
	}
}

const failingSections = `  - key: broken
    records:
      - {file: broken.csv, sql: "SELECT 1 / (id - 5) AS n FROM generate_series(1, 10) id WHERE :organization_id <> ''"}
  - key: hangs
    timeout: 500ms
    records:
      - {file: hangs.csv, sql: "SELECT id, CASE WHEN id > 5 THEN wait('hangs') END AS waited FROM generate_series(1, 10) id WHERE :organization_id <> ''"}
  - key: gone
    records:
      - {file: gone.csv, sql: "SELECT nothing FROM orders WHERE organization_id = :organization_id"}
`

// What fails in a helper is told as what fails in a process that is alone: the archives are the
// same, and so is what the API says.
func TestFanOutFailures(t *testing.T) {
	needsLong(t)
	t.Parallel()
	large := strings.Replace(ordersSection, "    shards: 8\n", "    shards: 8\n    max_section_bytes: 300kB\n", 1)
	broken := strings.Replace(ordersSection, "SELECT id, note, price, placed", "SELECT id, 1 / (id - 6000) AS n, note, price, placed", 1)
	broken = strings.Replace(broken, "key: orders", "key: shards", 1)
	f := newFanOut(t, fanOutConfig+waitingSection("wait")+failingSections+large+broken)
	f.pace("hangs", 60)
	job := f.api.request(t, f.key)
	f.d.exec(t, savedJob)
	f.work(1, false)
	f.again(job)
	plain, _, _ := f.ends(job)
	said := f.says(job)
	for _, text := range []string{"The data could not be read.", "took longer than 500ms", "is larger than the limit"} {
		if !strings.Contains(said, text) {
			t.Errorf("%q is not in %s", text, said)
		}
	}
	f.rest()
	f.pace("wait", 5) // so long are all others for the helper
	f.work(2, true)
	f.again(job)
	if archive, _, _ := f.ends(job); archive != plain || f.says(job) != said {
		t.Errorf("with a helper the archive is the same: %v, and the API says\n%s\ninstead of\n%s", archive == plain, f.says(job), said)
	}
	j, own := f.job(job), 0
	for _, worker := range j.parts {
		if worker == j.parts["wait 0"] {
			own++
		}
	}
	if own == len(j.parts) || len(j.parts) != 4+8+8 {
		t.Errorf("parts are %v", j.parts)
	}
	f.rest()
}

// A required section that fails in a helper ends the job for all.
func TestFanOutRequired(t *testing.T) {
	needsLong(t)
	t.Parallel()
	f := newFanOut(t, fanOutConfig+waitingSection("wait")+strings.Replace(failingSections, "key: broken\n", "key: broken\n    required: true\n", 1))
	f.pace("wait", 60)
	f.work(2, true)
	done := f.api.until(t, f.key, f.api.request(t, f.key), "ended", ended)
	if done.Status != "failed" || done.Error != `The required section "broken" could not be exported: The data could not be read.` || done.Download != "" {
		t.Errorf("the job is %+v", done)
	}
	eventually(t, "without queries", func() bool { return f.queries("active") == 0 && f.queries("idle in transaction") == 0 })
	f.rest()
}

// says is what the API says of the end of a job.
func (f *fanOut) says(job string) string {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), http.MethodGet, f.api.url+"/dashboard/api/v1/data-export/"+acme+"/"+job, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	r.Header.Set("X-Api-Key", f.key)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer response.Body.Close()
	var all struct{ Status, Error, Sections json.RawMessage }
	if err := json.NewDecoder(response.Body).Decode(&all); err != nil {
		f.t.Fatal(err)
	}
	return string(bytes.Join([][]byte{all.Status, all.Error, all.Sections}, []byte(" ")))
}

// needsLong skips a test with many processes, which other tests have no time beside: export/jobs has the
// same in virtual time, and adapters/riverqueue has workers that help each other in a chaos test.
func needsLong(t *testing.T) {
	t.Helper()
	if !archivetest.Long() {
		t.Skip("needs -long")
	}
}
