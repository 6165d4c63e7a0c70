package httpapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

func TestList(t *testing.T) {
	w := newWorld(t, nil)
	empty := w.send("GET", exports+ourOrg)
	wantFields(t, empty, map[string]any{"data": []any{}, "pagination": map[string]any{
		"page": 1.0, "page_size": 25.0, "total_count": 0.0, "total_pages": 0.0, "has_next": false, "has_previous": false,
	}})
	var ids []string // newest first
	for i := range 7 {
		at := time.Date(2026, 7, 1, 12, i, 0, 0, time.UTC)
		j, _, err := w.store.Create(t.Context(), ourOrg, func(time.Time, jobs.Usage) (jobs.Job, error) {
			return jobs.Job{
				ID: newID(), Organization: export.Organization{ID: ourOrg}, Format: "zip", Status: jobs.Failed,
				CreatedAt: at, FinishedAt: at, Error: "It failed.",
			}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		ids = slices.Insert(ids, 0, j.ID)
	}
	if _, _, err := w.service.Create(t.Context(), exportOf(theirOrg)); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		page, size     int
		want           []string
		next, previous bool
	}{
		{1, 3, ids[:3], true, false},
		{2, 3, ids[3:6], true, true},
		{3, 3, ids[6:], false, true},
		{4, 3, nil, false, true},
		{2147483647, 3, nil, false, true},
		{1, 7, ids, false, false},
		{1, 100, ids, false, false},
	} {
		r := w.send("GET", fmt.Sprintf("%s%s?page=%d&page_size=%d", exports, ourOrg, test.page, test.size))
		r.want(http.StatusOK)
		var got []string
		for _, item := range r.json["data"].([]any) {
			got = append(got, item.(map[string]any)["job_id"].(string))
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("page %d of %d has %q, want %q", test.page, test.size, got, test.want)
		}
		p := r.json["pagination"].(map[string]any)
		want := map[string]any{
			"page": float64(test.page), "page_size": float64(test.size), "total_count": 7.0,
			"total_pages": float64((7 + test.size - 1) / test.size), "has_next": test.next, "has_previous": test.previous,
		}
		if fmt.Sprint(p) != fmt.Sprint(want) {
			t.Errorf("page %d of %d is %v, want %v", test.page, test.size, p, want)
		}
	}
}

// TestListHasLinks: an item is what the poll gives.
func TestListHasLinks(t *testing.T) {
	w := newWorld(t, nil)
	w.job("")
	w.work()
	item := w.send("GET", exports+ourOrg).json["data"].([]any)[0].(map[string]any)
	if item["status"] != "completed" || item["download_url"] == nil || item["expires_at"] == nil {
		t.Errorf("the item is %v", item)
	}
}
