package exporttest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/exporttest"
)

func TestMemSpool(t *testing.T) {
	exporttest.RunSpool(t, func(*testing.T) export.Spool { return new(exporttest.MemSpool) })
}

func TestTempSpool(t *testing.T) {
	exporttest.RunSpool(t, func(t *testing.T) export.Spool { return export.NewTempSpool(t.TempDir()) })
}

func TestMemDestination(t *testing.T) {
	exporttest.RunDestination(t, func(*testing.T) export.Destination { return new(exporttest.MemDestination) })
}

func TestMemStore(t *testing.T) {
	exporttest.RunStore(t, func(*testing.T) export.Store { return new(exporttest.MemStore) })
}

func TestMemStoreAgain(t *testing.T) {
	exporttest.RunStore(t, func(*testing.T) export.Store { return &exporttest.MemStore{Again: true} })
}

func TestMemStoreInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(exporttest.MemStore)
		j, _, err := s.Create(t.Context(), func(now time.Time) export.Job {
			return export.Job{ID: "a", Status: export.JobPending, CreatedAt: now, LeaseUntil: now.Add(time.Minute)}
		})
		if err != nil || !j.CreatedAt.Equal(time.Now()) {
			t.Fatalf("created at %v, %v, want the time of the bubble", j.CreatedAt, err)
		}
		for _, want := range []int{0, 1} {
			if jobs, err := s.Stale(t.Context(), 10); err != nil || len(jobs) != want {
				t.Errorf("%d jobs are stale, %v, want %d", len(jobs), err, want)
			}
			time.Sleep(time.Minute)
		}
	})
}

func TestMemKeys(t *testing.T) {
	exporttest.RunKeyStore(t, func(*testing.T) access.KeyStore { return new(exporttest.MemKeys) })
}

func TestMemMembers(t *testing.T) {
	exporttest.RunMemberStore(t, func(*testing.T) access.MemberStore { return new(exporttest.MemMembers) })
}

func TestMemTrail(t *testing.T) {
	exporttest.RunTrail(t, func(*testing.T) audit.Trail { return new(exporttest.MemTrail) })
}
