package cli

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

// eventServer plays the API: an export is watched by one stream after the other,
// and nothing else is asked for.
type eventServer struct {
	t       *testing.T
	streams []string // what is sent by each
	asked   []string
}

func (s *eventServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked = append(s.asked, r.Method+" "+r.URL.RequestURI())
	if r.Header.Get("X-Api-Key") != "key" {
		s.t.Errorf("%s comes with the key %q", r.URL, r.Header.Get("X-Api-Key"))
	}
	if r.Method == http.MethodPost {
		_, _ = fmt.Fprint(w, `{"job_id": "j", "status": "pending"}`)
		return
	}
	if len(s.streams) == 0 || r.URL.Path != "/exports/j/events" {
		http.Error(w, "no more", http.StatusTeapot)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = fmt.Fprint(w, s.streams[0])
	s.streams = s.streams[1:]
}

// watchEvents is what a client sees of these streams, a line for each event.
func watchEvents(t *testing.T, streams ...string) (status exportStatus, seen, asked []string, err error) {
	t.Helper()
	s := &eventServer{t: t, streams: streams}
	server := httptest.NewServer(s)
	defer server.Close()
	status, err = demoClient{server.URL + "/exports", "key"}.export(t.Context(), "zip", func(e export.Event) {
		seen = append(seen, strings.Join(strings.Fields(bar(e)), " "))
	})
	return status, seen, s.asked, err
}

// The bars and lines of the demo are those of the events, also if a stream
// breaks off.
func TestDemoClientWatches(t *testing.T) {
	const (
		begun  = "retry: 3000\n\nevent: status\nid: 1\ndata: {\"job_id\":\"j\",\"status\":\"pending\"}\n\n:\n\n"
		middle = `event: status
id: 2
data: {"job_id":"j","status":"processing","progress":[{"key":"b","record_count":7,"binary_count":1,"bytes":2048,"done":5,"total":10},{"key":"c","record_count":1}]}

event: status
id: 3
data: {"job_id":"j","status":"processing","progress":[{"key":"c","record_count":2}],"sections":[{"key":"a","status":"ok","record_count":3}]}

`
		last = `event: status
id: 4
data: {"job_id":"j","status":"completed","download_url":"http://link","sections":[{"key":"a","status":"ok","record_count":3},{"key":"c","status":"partial","record_count":4}]}

`
	)
	status, seen, asked, err := watchEvents(t, begun+middle, begun+last)
	if err != nil || status.Status != jobs.Completed || status.Download != "http://link" || len(status.Sections) != 2 {
		t.Errorf("%+v, %v", status, err)
	}
	if want := []string{"POST /exports?archive_format=zip", "GET /exports/j/events", "GET /exports/j/events"}; !slices.Equal(asked, want) {
		t.Errorf("the client asks %q, want %q", asked, want)
	}
	want := []string{
		"b [#####.....] 7 records 1 binaries 2.0 KiB",
		"c running 1 records 0 binaries",
		"c running 2 records 0 binaries", // nothing of what b had in this place
		"a ok 3 records 0 binaries",
		"c partial 4 records 0 binaries", // and a is not told again
	}
	if !slices.Equal(seen, want) {
		t.Errorf("it shows\n%s\nwant\n%s", strings.Join(seen, "\n"), strings.Join(want, "\n"))
	}
}

func TestDemoClientFails(t *testing.T) {
	for stream, want := range map[string]string{
		"data: {\"job_id\":\"j\",\"status\":\"failed\",\"error\":\"The export was cancelled.\"}\n\n": "The export was cancelled.",
		"data: {\n\n": "unexpected end of JSON input",
		"data: " + string(bytes.Repeat([]byte{'x'}, 2<<20)): "bufio.Scanner: token too long",
		":\n\n": "418 I'm a teapot: no more\n",
	} {
		if status, _, _, err := watchEvents(t, stream); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%.60q: %+v, %v, want %s", stream, status, err, want)
		}
	}
}
