package s3_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orgexport/orgexport/adapters/s3"
	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/archive/archivetest"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/internal/s3test"
	"github.com/orgexport/orgexport/sections"
)

// assetOf is the content of an object, mostly a small one.
func assetOf(i int) string {
	size := i % 3000
	switch {
	case i%500 == 1:
		size = 300 << 10
	case i%50 == 1:
		size = 20 << 10
	case i%20 == 1:
		size = 0
	}
	return strings.Repeat(fmt.Sprintf("%d ", i), size/2+1)[:size]
}

// putAssets puts all but each hundredth.
func putAssets(t *testing.T, in s3test.Bucket, files int) {
	t.Helper()
	d := s3.NewDestination(openIn(t, in, "images", s3.Config{}))
	var group sync.WaitGroup
	defer group.Wait()
	for first := range 8 {
		group.Go(func() {
			for i := first; i < files; i += 8 {
				if i%100 == 33 {
					continue
				}
				if err := d.Put(t.Context(), fmt.Sprint(i), copies([]byte(assetOf(i)))); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
}

// slowly takes 20 ms for each request, and fails each hundredth object at first.
type slowly struct {
	mu        sync.Mutex
	failed    map[string]bool
	now, most int
	server    http.Handler
}

func (s *slowly) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.now++
	s.most = max(s.most, s.now)
	first := strings.HasSuffix(r.URL.Path, "66") && !s.failed[r.URL.Path]
	s.failed[r.URL.Path] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.now--
		s.mu.Unlock()
	}()
	select {
	case <-time.After(20 * time.Millisecond):
	case <-r.Context().Done():
	}
	if first {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	s.server.ServeHTTP(w, r)
}

// TestManyAssets: of many objects of a bucket of which some are missing, and some fail at first,
// all are in the archive that can be had, and the others are listed. Up to 64 requests are under way.
func TestManyAssets(t *testing.T) {
	files := 1000
	if archivetest.Long() {
		files = 20_000
	}
	slow := &slowly{failed: make(map[string]bool)}
	bucket := behind(t, func(server http.Handler) http.Handler { slow.server = server; return slow })
	putAssets(t, bucket, files)
	slow.most, slow.failed = 0, make(map[string]bool)

	from := openIn(t, bucket, "images", s3.Config{})
	began := time.Now()
	result, archived := exportObjects(t, from, files, 64)
	took := time.Since(began)
	if got := result; got.Status != export.StatusPartial || got.Binaries != int64(files-files/100) {
		t.Errorf("got %+v", got)
	}
	wantAssets(t, archived, files)
	if slow.most <= 32 || slow.most > 64 {
		t.Errorf("%d requests were under way, want up to 64", slow.most)
	}
	if !archivetest.Long() {
		return
	}
	const few = 500
	began = time.Now()
	exportObjects(t, from, few, 1)
	alone := time.Since(began) * time.Duration(files) / few
	t.Logf("%d files: %v, and %v one after the other: %.0f times as fast", files, took, alone, alone.Seconds()/took.Seconds())
}

// exportObjects exports numbered objects, n at a time, and unpacks the archive.
func exportObjects(t *testing.T, from *s3.Bucket, files, n int) (export.SectionResult, map[string]string) {
	t.Helper()
	open := s3.NewFiles(from).Session()
	section := sections.New("assets", func(ctx context.Context, _ export.Scope, sink export.Sink) error {
		return export.FetchAll(ctx, sink, func(yield func(export.Item, error) bool) {
			for i := range files {
				name := fmt.Sprint(i)
				item := export.Item{Name: name, Open: func(ctx context.Context) (export.Content, error) { return open(ctx, name) }}
				if !yield(item, nil) {
					return
				}
			}
		}, n)
	})
	engine, err := export.New(export.Config{Sections: []export.Section{section}, Scratch: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	result, err := engine.Export(t.Context(), export.Request{
		JobID: export.NewID(), Organization: export.Organization{ID: export.NewID(), Slug: "acme"}, AsOf: time.Now(), Format: archive.Zip(),
	}, &b)
	if err != nil {
		t.Fatal(err)
	}
	return result.Sections[0], archivetest.Unpack(t, "zip", b.Bytes())
}

func wantAssets(t *testing.T, archived map[string]string, files int) {
	t.Helper()
	assets, list := make(map[string]string), ""
	for name, content := range archived {
		_, name, _ = strings.Cut(name, "/assets/")
		assets[name] = content
	}
	for i := range files {
		content, ok := assets[fmt.Sprint(i)]
		if i%100 == 33 {
			list += fmt.Sprintf(`{"ref":"%d","reason":"The file was not found."}`+"\n", i)
			if ok {
				t.Errorf("%d is there", i)
			}
		} else if content != assetOf(i) {
			t.Errorf("%d is another, of %d bytes", i, len(content))
		}
	}
	if assets["_skipped.ndjson"] != list {
		t.Errorf("listed is\n%s", assets["_skipped.ndjson"])
	}
}
