package httpapi_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

// partial is a job whose products were not whole.
func partial(j *jobs.Job) {
	for i := range j.Results {
		if j.Results[i].Key == "products" {
			j.Results[i].Status, j.Results[i].Error = export.StatusPartial, "1 item was skipped."
		}
	}
}

// TestRetryRequest walks with a retry through the API: it has the format of the first export,
// begins with what it takes over, is made once however often it is requested, and stands in
// the audit log with the export that it retries.
func TestRetryRequest(t *testing.T) {
	w := newWorld(t, nil)
	id := w.job("?archive_format=tar.gz")
	w.work()
	w.update(id, partial)
	retry := w.send("POST", exports+ourOrg+"?retry_of="+id)
	retry.want(http.StatusOK)
	second := retry.text("job_id")
	wantFields(t, retry, map[string]any{
		"job_id": second, "status": "pending", "archive_format": "tar.gz", "format_version": "1.0", "file_size_bytes": 0.0,
		"output_filename": nil, "download_url": nil, "expires_at": nil, "error": nil,
		"sections": []any{
			map[string]any{"key": "organization", "status": "ok", "record_count": 1.0},
			map[string]any{"key": "tickets", "status": "empty", "record_count": 0.0},
		},
	})
	for _, same := range []string{"", "&archive_format=tar.gz", "&sections=tickets,products,organization"} {
		if got := w.job("?retry_of=" + id + same); got != second || second == id {
			t.Errorf("the same request gives %s, want %s", got, second)
		}
	}
	wantFault(t, w.send("POST", exports+ourOrg+"?retry_of="+id+"&archive_format=zip"), "query", "retry_of", "value_error")
	w.work()
	done, first := w.send("GET", exports+ourOrg+"/"+second), w.send("GET", exports+ourOrg+"/"+id)
	if done.text("status") != "completed" || done.text("output_filename") != first.text("output_filename") || len(done.json["sections"].([]any)) != 3 {
		t.Errorf("the retry is %s, the first %s", done.body, first.body)
	}
	entries, err := w.trail.Entries(t.Context(), ourOrg, 100)
	if err != nil {
		t.Fatal(err)
	}
	objects := make(map[string]string)
	for _, e := range entries {
		if e.Action == "export.requested" {
			objects[e.JobID] = e.Object
		}
	}
	if want := map[string]string{id: "", second: id}; !reflect.DeepEqual(objects, want) {
		t.Errorf("the audit log has %v, want %v", objects, want)
	}
}

// TestRetryEvents tell which sections run, until the parts are deleted.
func TestRetryEvents(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, w *world, p *pipes) {
		id := w.create()
		w.work()
		w.update(id, partial)
		request := exportOf(ourOrg)
		request.RetryOf = id
		retry, _, err := w.service.Create(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		want := func(what, data string, run ...any) {
			t.Helper()
			var got struct{ Retry any }
			if err := json.Unmarshal([]byte(data), &got); err != nil {
				t.Fatal(err)
			}
			var taken []any
			for _, key := range []any{"organization", "tickets"} {
				if len(run) < 2 || run[0] != key {
					taken = append(taken, key)
				}
			}
			if want := any(map[string]any{"of": id, "taken_over": taken, "run": run}); !reflect.DeepEqual(got.Retry, want) {
				t.Errorf("%s the event says %v, want %v", what, got.Retry, want)
			}
		}
		s := w.watch(p.dial(), "GET", retry.ID)
		_, data := s.begin()
		want("at first", data, "products")
		w.update(retry.ID, func(j *jobs.Job) { // a worker has found that the part is gone
			j.Status, j.Parts, j.Results = jobs.Processing, j.Parts[1:], j.Results[1:]
		})
		_, data = s.event()
		want("without a part", data, "organization", "products")
		w.update(retry.ID, completed)
		_, data = s.event()
		want("in the end", data, "organization", "products")
		s.end(0)
		w.update(retry.ID, func(j *jobs.Job) { j.Parts = nil })
		s = w.watch(p.dial(), "GET", retry.ID)
		if _, data = s.begin(); strings.Contains(data, `"retry"`) {
			t.Errorf("without its parts the event is %s", data)
		}
		s.end(0)
		s = w.watch(p.dial(), "GET", id)
		if _, data = s.begin(); strings.Contains(data, `"retry"`) {
			t.Errorf("the event of the first is %s", data)
		}
	})
}
