package wire_test

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/demo"
	"github.com/orgexport/orgexport/internal/pgtest"
	"github.com/orgexport/orgexport/sections"
)

// TestFairness queues a hundred exports of one organization and a single one of
// another, in one process on SQLite and for three nodes on PostgreSQL.
func TestFairness(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		testFairness(t, 1, func(*config.Config) {})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		address := pgtest.Database(t)
		testFairness(t, 3, func(c *config.Config) {
			c.Jobs.Database = config.Database{Dialect: sections.Postgres, Address: address}
		})
	})
}

func testFairness(t *testing.T, count int, change func(*config.Config)) {
	c := demoConfig(t)
	organizations := addOrganizations(t, filepath.Join(filepath.Dir(c.File), "catalog.db"))
	for _, key := range []string{"more", "still_more", "most"} { // for a hundred sets of them
		s := c.Sections[1]
		s.Key.Value = key
		c.Sections = append(c.Sections, s)
	}
	change(c)
	nodes := make([]*skewed, count)
	for i := range nodes {
		nodes[i] = openSkewed(t, c, 0)
	}
	one := nodes[0]
	another := organizations[slices.IndexFunc(organizations, func(id string) bool { return id != demo.OrganizationID() })]
	hundred := one.requestAll(t, demo.OrganizationID(), requests(c, 100))
	single := one.requestAll(t, another, []string{"?archive_format=zip"})
	for _, n := range nodes {
		n.run(t)
	}
	ended := one.ended(t, demo.OrganizationID(), hundred)
	started := one.ended(t, another, single)[0].ClaimedAt
	slices.SortFunc(ended, func(a, b jobs.Job) int { return a.FinishedAt.Compare(b.FinishedAt) })
	before := 0
	for _, job := range ended {
		if job.ClaimedAt.Before(started) {
			before++
		}
	}
	t.Logf("%d of the hundred started before the single export, and the third ended %v after that",
		before, ended[2].FinishedAt.Sub(started))
	if !started.Before(ended[2].FinishedAt) {
		t.Errorf("the single export started at %v, the third of the hundred ended at %v", started, ended[2].FinishedAt)
	}
}

// requests are the queries of n requests of which no two are the same.
func requests(c *config.Config, n int) []string {
	var queries []string
	for set := 1; len(queries) < n; set++ {
		var keys []string
		for i, s := range c.Sections {
			if set&(1<<i) != 0 {
				keys = append(keys, s.Key.Value)
			}
		}
		query := "&sections=" + strings.Join(keys, "&sections=")
		queries = append(queries, "?archive_format=zip"+query, "?archive_format=tar.gz"+query)
	}
	return queries[:n]
}

// requestAll requests exports and returns the ids of their jobs.
func (n *skewed) requestAll(t *testing.T, organization string, queries []string) []string {
	t.Helper()
	key := n.newKey(t, organization, time.Hour)
	var ids []string
	for _, query := range queries {
		job := n.export(t, http.MethodPost, organization, query, key)
		if slices.Contains(ids, job.JobID) {
			t.Fatalf("%s is the request of another job", query)
		}
		ids = append(ids, job.JobID)
	}
	return ids
}

// ended waits for jobs to be completed.
func (n *skewed) ended(t *testing.T, organization string, ids []string) []jobs.Job {
	t.Helper()
	var opened []jobs.Job
	for _, id := range ids {
		for {
			job, err := n.server.Store.Get(t.Context(), organization, id)
			if err != nil {
				t.Fatal(err)
			}
			if !job.Status.InFlight() {
				opened = append(opened, job)
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	return opened
}
