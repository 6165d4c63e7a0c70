//go:build unix

package cli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive/archivetest"
	"github.com/orgexport/orgexport/export"
)

// A server is killed again and again, at any moment from its very first start on,
// while exports are requested all the time. None is lost and none fails, every
// archive is whole, and nothing is left over.
func TestServeKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	kills := 10
	if archivetest.Long() {
		kills = 50
	}
	v := newVictim(t)
	for range 3 { // at first there are not even tables
		v.killInStart(t)
	}
	v.makeKeys(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var requests sync.WaitGroup
	requests.Go(func() { v.requestAll(ctx, t) })
	v.killInExport(t)
	for i := range kills - 4 {
		if i%3 == 1 {
			v.killInStart(t)
		} else {
			v.killLater(t)
		}
	}
	v.begin(t)
	v.greeting = <-v.said
	cancel()
	requests.Wait()
	v.wantAll(t)
	v.stop(t)
	for _, s := range v.lives {
		if log := s.log.String(); strings.Contains(log, "level=ERROR") {
			t.Errorf("a server says\n%s", log)
		}
	}
}

// victim is a server that is killed and started again, at one address.
type victim struct {
	*serving // the present one

	d          jobsDatabase
	dir        string
	address    string
	random     *rand.Rand
	startTakes time.Duration // until it listens

	lives     []*serving
	killed    [2]int // before and after it listened
	keys      []ownKey
	requested map[string]bool // ids of jobs
	refused   int             // requests that nobody answered
}

// ownKey is the key of an organization.
type ownKey struct{ organization, key string }

const victimConfig = `limits: {requests_per_minute: 1000000, requests_per_day: 1000000, exports_at_once: none, exports_per_day: none}
archives: {parts_retention: none}
`

// linesSection takes half a second.
const linesSection = `  - key: lines
    records:
      - {file: "{{.id}}/line.yaml", each: row, sql: "SELECT * FROM lines WHERE organization_id = :organization_id ORDER BY id"}
      - {file: lines.csv, sql: "SELECT a.* FROM lines AS a, lines AS b WHERE a.organization_id = :organization_id AND b.organization_id = a.organization_id ORDER BY a.id, b.id"}
`

func newVictim(t *testing.T) *victim {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("the seed is %d", seed)
	v := &victim{
		dir:       shop(t, organizationSection, linesSection, productsSection),
		random:    rand.New(rand.NewPCG(seed, 0)),
		requested: make(map[string]bool),
	}
	v.d = inSQLite(t)
	began := time.Now()
	s := v.d.serve(t, v.dir)
	v.startTakes = time.Since(began)
	s.stop(t)
	if err := os.RemoveAll(filepath.Join(v.dir, "exportd-data")); err != nil {
		t.Fatal(err)
	}
	v.d = inSQLite(t)
	v.address = freeAddress(t)
	configure(t, v.dir, victimConfig)
	execute(t, v.dir, "CREATE TABLE lines (id INTEGER PRIMARY KEY, organization_id TEXT, text TEXT)")
	v.keys = []ownKey{{organization: acme}, {organization: export.NewID()}, {organization: export.NewID()}}
	for i, k := range v.keys {
		execute(t, v.dir, fmt.Sprintf(`INSERT OR IGNORE INTO organizations VALUES ('%[1]s', 'org-%[2]d', 'Organization', NULL);
			INSERT INTO lines (organization_id, text) WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c WHERE n < 400)
			SELECT '%[1]s', 'line ' || n || ' of %[1]s' FROM c`, k.organization, i))
	}
	return v
}

func (v *victim) begin(t *testing.T) {
	t.Helper()
	v.serving = &serving{
		cmd: v.d.command(t, v.dir, "serve", "--config", "exportd.yaml", "--listen", v.address, "--log-level", "debug"),
		url: "http://" + v.address,
	}
	v.lives = append(v.lives, v.serving)
	v.serving.begin(t)
}

// killInStart starts the server and kills it before it listens, or a moment later.
func (v *victim) killInStart(t *testing.T) {
	t.Helper()
	v.begin(t)
	time.Sleep(time.Duration(v.random.Int64N(int64(v.startTakes))))
	v.kill(t)
}

// killLater kills the server at some moment of its first two seconds.
func (v *victim) killLater(t *testing.T) {
	t.Helper()
	v.begin(t)
	v.listens(t)
	time.Sleep(time.Duration(v.random.Int64N(int64(2 * time.Second))))
	v.kill(t)
}

// killInExport kills the server while it exports.
func (v *victim) killInExport(t *testing.T) {
	t.Helper()
	v.begin(t)
	v.listens(t)
	eventually(t, "exporting", func() bool { return strings.Contains(v.log.String(), "job started") })
	v.kill(t)
}

// listens waits until the server listens.
func (v *victim) listens(t *testing.T) {
	t.Helper()
	eventually(t, "listening", func() bool { return len(v.said) > 0 })
}

func (v *victim) kill(t *testing.T) {
	t.Helper()
	if code := v.signal(t, syscall.SIGKILL); code != -1 {
		t.Fatalf("it ended with status %d\n%s", code, v.log.String())
	}
	if v.greeting = <-v.said; v.greeting == "" {
		v.killed[0]++
	} else {
		v.killed[1]++
	}
}

// makeKeys makes keys in a database that starts were killed in.
func (v *victim) makeKeys(t *testing.T) {
	t.Helper()
	for i := range v.keys {
		v.keys[i].key = v.d.newKey(t, v.dir, "--organization", v.keys[i].organization)
	}
}

// requestAll requests different exports in turn until ctx ends.
func (v *victim) requestAll(ctx context.Context, t *testing.T) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		own := v.keys[n%len(v.keys)]
		queries := []string{"?archive_format=zip", "?archive_format=tar.gz", "?archive_format=zip&sections=lines", "?archive_format=tar.gz&sections=lines"}
		var a answer
		switch code, err := v.fetch(ctx, http.MethodPost, own, queries[n/len(v.keys)%len(queries)], &a); {
		case err != nil: // it was killed, or is about to start
			v.refused++
		case code != http.StatusOK || a.JobID == "":
			t.Errorf("a request gives %d, %+v", code, a)
		default:
			v.requested[a.JobID] = true
		}
	}
}

// fetch asks a server that may be killed at any moment.
func (v *victim) fetch(ctx context.Context, method string, own ownKey, path string, dst any) (code int, err error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+v.address+"/dashboard/api/v1/data-export/"+own.organization+path, nil)
	if err != nil {
		return 0, err
	}
	r.Header.Set("X-Api-Key", own.key)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	return response.StatusCode, json.NewDecoder(response.Body).Decode(dst)
}

// jobs are all of an organization, as the API lists them.
func (v *victim) jobs(t *testing.T, own ownKey) (all []answer) {
	t.Helper()
	for page := 1; ; page++ {
		var list struct {
			Data       []answer
			Pagination struct {
				HasNext bool `json:"has_next"`
			}
		}
		code, err := v.fetch(t.Context(), http.MethodGet, own, fmt.Sprintf("?page_size=100&page=%d", page), &list)
		if err != nil || code != http.StatusOK {
			t.Fatalf("the list gives %d, %v\n%s", code, err, v.log.String())
		}
		if all = append(all, list.Data...); !list.Pagination.HasNext {
			return all
		}
	}
}
