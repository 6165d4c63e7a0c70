package bunstore

import (
	"fmt"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/internal/pgtest"
)

// benchDatabases runs a benchmark on both databases with 16 callers at once.
func benchDatabases(b *testing.B, prepare func(b *testing.B, s *Store), do func(b *testing.B, s *Store, n int64)) {
	for name, newAddress := range map[string]func() string{
		"sqlite":   func() string { return "sqlite:" + filepath.Join(b.TempDir(), "jobs.db") },
		"postgres": func() string { return pgtest.Database(b) },
	} {
		b.Run(name, func(b *testing.B) {
			s := migrated(b, newAddress(), Config{})
			prepare(b, s)
			var n atomic.Int64
			b.SetParallelism(8)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					do(b, s, n.Add(1))
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
		})
	}
}

func nothing(*testing.B, *Store) {}

// BenchmarkCount counts a minute and a day: of one key, whose callers wait for
// each other, of a thousand, and of ever new ones.
func BenchmarkCount(b *testing.B) {
	for name, key := range map[string]func(n int64) string{
		"one":      func(int64) string { return "key" },
		"thousand": func(n int64) string { return strconv.FormatInt(n%1000, 10) },
		"new":      func(n int64) string { return strconv.FormatInt(n, 10) },
	} {
		b.Run(name, func(b *testing.B) {
			benchDatabases(b, nothing, func(b *testing.B, s *Store, n int64) {
				if _, err := s.Count(b.Context(), key(n), time.Minute, 24*time.Hour); err != nil {
					b.Error(err)
				}
			})
		})
	}
}

// BenchmarkCreate creates jobs of one organization, which wait for each other, of
// a hundred, and of one that has ten thousand jobs of the day.
func BenchmarkCreate(b *testing.B) {
	for name, c := range map[string]struct {
		organizations int64
		there         int
	}{"one": {1, 0}, "hundred": {100, 0}, "busy": {1, 10_000}} {
		b.Run(name, func(b *testing.B) {
			job := func(id string, organization string, now time.Time) jobs.Job {
				j := example(id, now)
				j.Organization.ID, j.Sections, j.Status = organization, []string{id}, jobs.Completed
				return j
			}
			prepare := func(b *testing.B, s *Store) {
				for i := range c.there {
					row, err := newJobRow(job(fmt.Sprint("there", i), "0", time.Now()), 1)
					if err != nil {
						b.Fatal(err)
					}
					if _, err := s.db.NewInsert().Model(row).ModelTableExpr("? AS job", s.table("jobs")).Exec(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
			}
			benchDatabases(b, prepare, func(b *testing.B, s *Store, n int64) {
				organization := strconv.FormatInt(n%c.organizations, 10)
				_, created, err := s.Create(b.Context(), organization, func(now time.Time, _ jobs.Usage) (jobs.Job, error) {
					return job(strconv.FormatInt(n, 10), organization, now), nil
				})
				if err != nil || !created {
					b.Errorf("Create gives %t, %v", created, err)
				}
			})
		})
	}
}
