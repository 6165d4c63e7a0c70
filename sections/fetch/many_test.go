package fetch_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/archive/archivetest"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/sections"
	"github.com/orgexport/orgexport/sections/sectiontest"
)

// sizeOf is how many bytes a file has: mostly little, now and then much.
func sizeOf(i int) int {
	switch {
	case i%500 == 1:
		return 300 << 10
	case i%50 == 1:
		return 20 << 10
	case i%20 == 1:
		return 0
	}
	return i % 3000
}

func contentOf(i int) string {
	return strings.Repeat(fmt.Sprintf("%d ", i), sizeOf(i)/2+1)[:sizeOf(i)]
}

// TestManyAssets: of many assets of which some are missing, and some fail at first, all are there
// that can be had, and the others are listed. With 20 ms for each request it takes less than the
// 20th part of the time that they take one after the other. The time is virtual.
func TestManyAssets(t *testing.T) {
	files := 2000
	if archivetest.Long() {
		files = 20_000
	}
	const delay = 20 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		failed, requests := make(map[string]bool), 0
		s := onPipes(t, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(delay)
			mu.Lock()
			requests++
			first := !failed[r.URL.Path]
			failed[r.URL.Path] = true
			mu.Unlock()
			var i int
			_, _ = fmt.Sscanf(r.URL.Path, "/%d", &i)
			switch {
			case i%100 == 33:
				http.NotFound(w, r)
			case i%100 == 66 && first:
				w.WriteHeader([]int{503, 500, 502, 429}[i/100%4])
			default:
				say(w, contentOf(i))
			}
		}, nil)
		section := sections.New("assets", func(ctx context.Context, _ export.Scope, sink export.Sink) error {
			return export.FetchAll(ctx, sink, urlsOf(s, numbered("cdn.example", files)), 64)
		})
		engine, err := export.New(export.Config{Sections: []export.Section{section}, Scratch: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		request := export.Request{JobID: export.NewID(), Organization: export.Organization{ID: export.NewID(), Slug: "acme"}, AsOf: time.Now(), Format: archive.Zip()}
		began := time.Now()
		var b bytes.Buffer
		result, err := engine.Export(t.Context(), request, &b)
		if err != nil {
			t.Fatal(err)
		}
		took := time.Since(began)
		missing := files / 100
		if got := result.Sections[0]; got.Status != export.StatusPartial || got.Binaries != int64(files-missing) {
			t.Errorf("got %+v", got)
		}
		checkAssets(t, archivetest.Unpack(t, "zip", b.Bytes()), files, missing)
		if alone := time.Duration(requests) * delay; took > alone/20 {
			t.Errorf("it took %v; one after the other takes %v", took, alone)
		} else {
			t.Logf("%d files: %v instead of %v, %.0f times as fast", files, took, alone, alone.Seconds()/took.Seconds())
		}
	})
}

func checkAssets(t *testing.T, archived map[string]string, files, missing int) {
	t.Helper()
	list := ""
	assets := make(map[string]string)
	for name, content := range archived {
		_, name, _ = strings.Cut(name, "/assets/")
		assets[name] = content
	}
	for i := range files {
		name := fmt.Sprintf("cdn.example-%d", i)
		content, ok := assets[name]
		if i%100 == 33 {
			list += fmt.Sprintf(`{"ref":%q,"reason":"The file was not found."}`+"\n", name)
			if ok {
				t.Errorf("%s is there", name)
			}
		} else if content != contentOf(i) {
			t.Errorf("%s is another, of %d bytes", name, len(content))
		}
	}
	if got := assets["_skipped.ndjson"]; got != list || strings.Count(got, "\n") != missing {
		t.Errorf("listed are %d", strings.Count(got, "\n"))
	}
}

// TestSixtyFour: as many requests are under way on a real network as are wanted, and no more.
func TestSixtyFour(t *testing.T) {
	const n = 64
	var mu sync.Mutex
	var all sync.WaitGroup
	all.Add(n)
	requests, now, most := 0, 0, 0
	address, config := local(t, func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		requests++
		now++
		most = max(most, now)
		first := requests <= n
		mu.Unlock()
		if first { // none of these is answered before all are there
			all.Done()
			all.Wait()
		}
		mu.Lock()
		now--
		mu.Unlock()
		say(w, "the file")
	})
	r := sectiontest.NewRecorder(t.Context())
	err := export.FetchAll(t.Context(), r, urlsOf(newSource(t, config), numbered(strings.TrimPrefix(address, "http://"), 1000)), n)
	if err != nil || len(r.Calls()) != 1000 || most != n {
		t.Errorf("%d files, %v, %d at once", len(r.Calls()), err, most)
	}
	for i, c := range r.Calls() {
		if !strings.HasSuffix(c.Name, fmt.Sprintf("-%d", i)) {
			t.Fatalf("call %d is %s", i, c.Name)
		}
	}
}
