package jobstest

import (
	"context"
	"strings"

	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

// archivesMutants are wrong about the archives that are kept.
func archivesMutants() []kittest.Mutant[broken] {
	stats := func(change func(s broken, stats *jobs.Stats)) func(broken) {
		return func(s broken) { s.stats = func(stats *jobs.Stats) { change(s, stats) } }
	}
	byID := func(a, b jobs.Job) int { return strings.Compare(a.ID, b.ID) }
	always := func(after string, most int) func(broken) {
		return func(s broken) {
			s.archives = func(_ string, limit int) []jobs.Job {
				found, err := s.MemStore.Archives(context.Background(), after, max(limit, most))
				if err != nil {
					panic(err) // it is in memory
				}
				return found
			}
		}
	}
	return []kittest.Mutant[broken]{
		{"StatsCountDamagedArchives", stats(func(_ broken, stats *jobs.Stats) { stats.Damaged = 0 }), "of three"},
		{"StatsCountDamagedArchives", stats(func(s broken, stats *jobs.Stats) {
			stats.Damaged = int64(len(s.all(func(j jobs.Job) bool { return !j.DamagedAt.IsZero() })))
		}), "once one is purged"},
		{"StatsCountDamagedArchives", stats(func(s broken, stats *jobs.Stats) { stats.Damaged = max(stats.Damaged, 2) }), "at first"},
		{"Archives", finds(func(j jobs.Job) bool { return j.Status == jobs.Completed }, byID), "together are"},
		{"Archives", finds(func(j jobs.Job) bool { return j.ObjectKey != "" && j.DamagedAt.IsZero() }, byID), "together are"},
		{"Archives", finds(func(j jobs.Job) bool { return j.ObjectKey != "" && j.Organization.ID == kittest.OurOrg }, byID), "together are"},
		{"Archives", always("", 0), "have no end"},
		{"Archives", always("", 100), "the limit is"},
		{"ArchivesMeanwhile", finds(func(j jobs.Job) bool { return j.ObjectKey != "" }, byID), "is purged Archives gives"},
		{"ArchivesOfACancelledContext", func(s broken) { s.deaf = true }, "Archives with"},
	}
}
