package wire_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/demo"
	"github.com/orgexport/orgexport/internal/pgtest"
	"github.com/orgexport/orgexport/sections"
)

// BenchmarkSmallExports requests exports of 20 rows through the API of one node with two
// workers, and polls them until they are completed.
func BenchmarkSmallExports(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchmarkSmallExports(b, 1, func(*config.Config) {}) })
	for _, nodes := range []int{1, 3} {
		b.Run(fmt.Sprintf("postgres, %d nodes", nodes), func(b *testing.B) {
			address := pgtest.Database(b)
			benchmarkSmallExports(b, nodes, func(c *config.Config) {
				c.Jobs.Database = config.Database{Dialect: sections.Postgres, Address: address}
			})
		})
		// The source takes half a second for each: so many nodes make so many times as many.
		b.Run(fmt.Sprintf("postgres, a source that waits, %d nodes", nodes), func(b *testing.B) {
			address := pgtest.Database(b)
			benchmarkSmallExports(b, nodes, func(c *config.Config) {
				c.Jobs.Database = config.Database{Dialect: sections.Postgres, Address: address}
				c.Database = c.Jobs.Database
				c.Organization.Value = "SELECT CAST(:organization_id AS text) AS id, 'acme' AS slug, 'Acme' AS name"
				for i := range c.Sections {
					c.Sections[i].Records[0].SQL.Value = "SELECT CAST(:organization_id AS text) AS owner, CAST(pg_sleep(0.5) AS text) AS slept"
				}
			})
		})
	}
}

func benchmarkSmallExports(b *testing.B, count int, change func(*config.Config)) {
	c := demoConfig(b)
	c.Jobs.Workers, c.Limits = 2, config.Limits{PerMinute: 1 << 30, PerDay: 1 << 30}
	// A request with other sections is another export.
	rows := c.Sections[1]
	c.Sections = nil
	rows.Assets, rows.Records = nil, rows.Records[:1:1]
	rows.Records[0].SQL.Value = "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 20) SELECT id, :organization_id AS owner FROM n"
	for i := range 500 {
		rows.Key.Value = fmt.Sprintf("rows_%d", i)
		c.Sections = append(c.Sections, rows)
	}
	change(c)
	var nodes []*skewed
	for range count {
		n := openSkewed(b, c, 0)
		n.run(b)
		nodes = append(nodes, n)
	}
	key := nodes[0].newKey(b, demo.OrganizationID(), time.Hour)
	next := make(chan int)
	var clients sync.WaitGroup
	b.ResetTimer()
	for range 16 * count {
		clients.Go(func() {
			for i := range next {
				n := nodes[i%count]
				job := n.export(b, http.MethodPost, demo.OrganizationID(),
					fmt.Sprintf("?archive_format=%s&sections=rows_%d", []string{"zip", "tar.gz"}[i/500%2], i%500), key)
				for ; strings.HasPrefix(job.Status, "p") || job.Status == "processing"; time.Sleep(50 * time.Millisecond) {
					job = n.export(b, http.MethodGet, demo.OrganizationID(), "/"+job.JobID, key)
				}
				if job.Status != "completed" {
					b.Errorf("the export is %s", job.Status)
				}
			}
		})
	}
	for i := range b.N {
		next <- i
	}
	close(next)
	clients.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "exports/s")
}
