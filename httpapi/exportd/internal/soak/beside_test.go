//go:build linux

package soak_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/orgexport/orgexport/adapters/bunstore"
	"github.com/orgexport/orgexport/archive/archivetest"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

// besideConfig exports documents that are made by the database as large as they are asked
// for. The section slow of the killer does not end, and those of the honest take a while.
const besideConfig = `server: {drain: 1ms}
limits: {requests_per_minute: 1000000, requests_per_day: 1000000, exports_at_once: none, exports_per_day: none}
source: {database: "sqlite:source.db"}
organization: {sql: "SELECT id, id AS slug, id AS name FROM organizations WHERE id = :organization_id"}
sections:
  - key: slow
    records:
      - {file: slow.csv, sql: "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c WHERE n < (SELECT steps FROM organizations WHERE id = :organization_id)) SELECT max(n) AS n FROM c"}
%s`

// documentsSection has one file of each encoding. A document is made in a query, so that
// the database stays small.
const documentsSection = `  - key: documents_%[1]s
    records:
      - file: documents.%[1]s
        json: [doc]
        sql: |
          SELECT id, CASE kind
            WHEN 'text' THEN hex(zeroblob(size / 2))
            WHEN 'number' THEN replace(hex(zeroblob(size / 2)), '0', '7')
            WHEN 'deep' THEN replace(hex(zeroblob(size / 4)), '00', '[') || replace(hex(zeroblob(size / 4)), '00', ']')
            WHEN 'wide' THEN '[' || replace(hex(zeroblob(size / 4)), '00', '0,') || '0]'
            WHEN 'objects' THEN '[' || replace(hex(zeroblob(size / 16)), '00', '{"a":1},') || '0]'
            WHEN 'key' THEN '{"' || hex(zeroblob(size / 2)) || '":1}'
            ELSE '{"text":"small"}'
          END AS doc
          FROM organizations WHERE id = :organization_id
`

// killer is the kind of organization whose exports the test kills processes for. The
// others are hostile by what they own.
const killer = "killer"

// besideLimits leave a process some hundred megabytes beside what Go reserves.
var besideLimits = limits{memoryKiB: 2_500_000, descriptors: 256}

// TestHostileBesideHonest serves honest organizations beside hostile ones in a process
// with little memory: those whose records would take all of it, and one whose export is
// killed with its process each time. Every honest export is completed, and no failure is
// charged to it.
func TestHostileBesideHonest(t *testing.T) {
	t.Parallel()
	kinds, size := []string{"deep", "wide"}, 100_000_000
	if archivetest.Long() {
		kinds, size = []string{"text", "number", "deep", "wide", "objects", "key"}, 400_000_000
	}
	b := newBeside(t, kinds, size)
	b.start(t)
	deadly := b.request(t, b.organization(killer))
	var honest, hostile []string
	for i := range b.honest {
		honest = append(honest, b.request(t, b.honest[i]))
		if i < len(kinds) {
			hostile = append(hostile, b.request(t, b.organization(kinds[i])))
		}
	}
	all := append(append([]string{deadly}, honest...), hostile...)
	for !b.ended(t, all...) {
		if !b.running() {
			b.crashes++ // a record took all memory
			b.restart(t)
		}
		if b.deadlyRuns(t, deadly, honest) {
			b.kill()
			b.kills++
			b.restart(t)
		}
		if most := (len(hostile) + 1) * (b.maxFailures + 3); b.kills+b.crashes > most {
			t.Fatalf("%d processes have died\n%s", b.kills+b.crashes, b.said())
		}
	}
	for _, id := range honest {
		if job := b.job(t, id); job.Status != jobs.Completed || job.Failures != 0 {
			t.Errorf("an honest export is %s after %d failures: %s", job.Status, job.Failures, job.Error)
		}
	}
	if job := b.job(t, deadly); job.Status != jobs.Failed || job.Failures != b.maxFailures+1 {
		t.Errorf("the deadly export is %s after %d failures: %s", job.Status, job.Failures, job.Error)
	}
	for i, id := range hostile {
		t.Logf("%s: %s", kinds[i], outcome(b.job(t, id)))
	}
	t.Logf("soak: %d honest exports completed beside %d hostile ones and one that was killed %d times; %d processes ran out of memory",
		len(honest), len(hostile), b.kills, b.crashes)
	if code := b.stop(); code != 0 {
		t.Errorf("it ends with status %d\n%s", code, b.said())
	}
}

// outcome says how a job has ended, with its sections.
func outcome(job jobs.Job) string {
	text := fmt.Sprintf("%s, %d failures", job.Status, job.Failures)
	for _, r := range job.Results {
		text += fmt.Sprintf(", %s %s", r.Key, r.Status)
	}
	return text
}

// beside is one process, its organizations and its jobs.
type beside struct {
	site
	*process
	store       *bunstore.Store
	maxFailures int
	honest      []string
	byKind      map[string]string
	keys        map[string]string // by organization
	owners      map[string]string // organizations of jobs
	kills       int
	crashes     int
}

func newBeside(t *testing.T, kinds []string, size int) *beside {
	t.Helper()
	b := &beside{
		site: site{dir: t.TempDir()}, maxFailures: 5,
		byKind: make(map[string]string), keys: make(map[string]string), owners: make(map[string]string),
	}
	var sections string
	for _, encoding := range []string{"yaml", "json", "ndjson", "csv"} {
		sections += fmt.Sprintf(documentsSection, encoding)
	}
	err := os.WriteFile(filepath.Join(b.dir, "exportd.yaml"), fmt.Appendf(nil, besideConfig, sections), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(b.dir, "source.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	add := func(kind string, size, steps int) string {
		id := export.NewID()
		if _, err := db.ExecContext(t.Context(), "INSERT INTO organizations VALUES (?, ?, ?, ?)", id, kind, size, steps); err != nil {
			t.Fatal(err)
		}
		return id
	}
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE organizations (id TEXT PRIMARY KEY, kind TEXT, size INTEGER, steps INTEGER)"); err != nil {
		t.Fatal(err)
	}
	b.byKind[killer] = add(killer, 10, 1<<60)
	for _, kind := range kinds {
		b.byKind[kind] = add(kind, size, 1)
	}
	for range max(len(kinds), 3) {
		b.honest = append(b.honest, add("honest", 10, 2_000_000))
	}
	return b
}

func (b *beside) organization(kind string) string { return b.byKind[kind] }

// start starts the first process, which makes the jobs database.
func (b *beside) start(t *testing.T) {
	t.Helper()
	b.process = b.begin(t, besideLimits, "exportd.yaml", freeAddress(t), "")
	if !b.ready(t.Context()) {
		t.Fatalf("it does not start\n%s", b.said())
	}
	var err error
	if b.store, err = bunstore.Open(t.Context(), "sqlite:"+filepath.Join(b.dir, "exportd-data", "jobs.db"), bunstore.Config{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.store.Close(); err != nil {
			t.Error(err)
		}
	})
}

// restart starts another process after one that has died. In the long form that one's
// leases end by themselves; else they are ended here, which is all that a quarter of a
// minute would do.
func (b *beside) restart(t *testing.T) {
	t.Helper()
	if !archivetest.Long() {
		for id, organization := range b.owners {
			job, err := b.store.Get(t.Context(), organization, id)
			if err == nil && job.Status.InFlight() && !job.PutOff {
				_, err = b.store.Update(t.Context(), id, func(now time.Time, j *jobs.Job) error {
					j.LeaseUntil = now
					return nil
				})
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	b.process = b.begin(t, besideLimits, "exportd.yaml", b.address, "")
	if !b.ready(t.Context()) && b.running() {
		t.Fatalf("it does not start\n%s", b.said())
	}
}

// request has an organization exported and returns the id of the job.
func (b *beside) request(t *testing.T, organization string) (jobID string) {
	t.Helper()
	out, err := b.command(t, limits{}, "keys", "create", "--config", "exportd.yaml", "--organization", organization).Output()
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+b.address+"/dashboard/api/v1/data-export/"+organization, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Api-Key", strings.TrimSpace(string(out)))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatalf("%v\n%s", err, b.said())
	}
	defer response.Body.Close()
	var answer struct {
		JobID string `json:"job_id"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("a request gives %s, %v\n%s", response.Status, err, b.said())
	}
	b.owners[answer.JobID] = organization
	return answer.JobID
}

func (b *beside) job(t *testing.T, id string) jobs.Job {
	t.Helper()
	job, err := b.store.Get(t.Context(), b.owners[id], id)
	if err != nil {
		t.Fatal(err)
	}
	return job
}

// ended reports whether all of these have. It waits a little if they have not.
func (b *beside) ended(t *testing.T, ids ...string) bool {
	t.Helper()
	for _, id := range ids {
		if b.job(t, id).Status.InFlight() {
			return pause(t.Context(), 20*time.Millisecond) != nil
		}
	}
	return true
}

// deadlyRuns reports whether the deadly export runs in this process. It gives honest ones a
// moment to begin beside it.
func (b *beside) deadlyRuns(t *testing.T, deadly string, honest []string) bool {
	t.Helper()
	runs := func() bool {
		job := b.job(t, deadly) // of a process that was killed until the lease is over
		return job.Status == jobs.Processing && strings.HasSuffix(job.LeaseOwner, fmt.Sprintf(":%d", b.cmd.Process.Pid))
	}
	if !runs() {
		return false
	}
	eventually(t.Context(), 500*time.Millisecond, func() bool {
		for _, id := range honest {
			if b.job(t, id).Status == jobs.Processing {
				return true
			}
		}
		return false
	})
	return runs()
}
