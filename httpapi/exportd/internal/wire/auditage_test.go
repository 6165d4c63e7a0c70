package wire_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/audit"
)

// TestOldAuditEntriesAreRemoved has two nodes on one database with the defaults.
func TestOldAuditEntriesAreRemoved(t *testing.T) {
	t.Parallel()
	c := demoConfig(t)
	nodes := []*skewed{openSkewed(t, c, 0), openSkewed(t, c, 0)}
	store := nodes[0].server.Store
	for _, days := range []int{1, 399, 401, 4000} {
		e := audit.Entry{At: time.Now().AddDate(0, 0, -days), OrganizationID: "org", Bytes: int64(days)}
		if err := store.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range nodes {
		n.run(t)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		entries, err := store.Entries(ctx, "org", 10)
		if err != nil {
			t.Fatal(err)
		}
		var days []int64
		for _, e := range entries {
			days = append(days, e.Bytes)
		}
		if slices.Equal(days, []int64{1, 399}) {
			return
		}
		if len(days) < 3 {
			t.Fatalf("left are the entries that are %v days old", days)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
