package fetch_test

import (
	"bytes"
	"context"
	"fmt"
	"iter"
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
	"github.com/orgexport/orgexport/sections/fetch"
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
		began := time.Now()
		result, archived := exportAssets(t, s, files)
		took := time.Since(began)
		missing := files / 100
		if got := result; got.Status != export.StatusPartial || got.Binaries != int64(files-missing) {
			t.Errorf("got %+v", got)
		}
		checkAssets(t, archived, files, missing)
		if alone := time.Duration(requests) * delay; took > alone/20 {
			t.Errorf("it took %v; one after the other takes %v", took, alone)
		} else {
			t.Logf("%d files: %v instead of %v, %.0f times as fast", files, took, alone, alone.Seconds()/took.Seconds())
		}
	})
}

// exportAssets exports numbered files of a host, and unpacks the archive.
func exportAssets(t *testing.T, s *fetch.Source, files int) (export.SectionResult, map[string]string) {
	t.Helper()
	return exportURLs(t, s, numbered("cdn.example", files))
}

func exportURLs(t *testing.T, s *fetch.Source, urls iter.Seq[string]) (export.SectionResult, map[string]string) {
	t.Helper()
	section := sections.New("assets", func(ctx context.Context, _ export.Scope, sink export.Sink) error {
		return export.FetchAll(ctx, sink, urlsOf(s, urls), 64)
	})
	engine, err := export.New(export.Config{Sections: []export.Section{section}, Scratch: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	request := export.Request{JobID: export.NewID(), Organization: export.Organization{ID: export.NewID(), Slug: "acme"}, AsOf: time.Now(), Format: archive.Zip()}
	var b bytes.Buffer
	result, err := engine.Export(t.Context(), request, &b)
	if err != nil {
		t.Fatal(err)
	}
	return result.Sections[0], archivetest.Unpack(t, "zip", b.Bytes())
}

// TestOutageOfMinutes: for a host that is down for longer than a section waits the section is run
// again, and has everything then. If it stays down, the section says so, and lists no file.
func TestOutageOfMinutes(t *testing.T) {
	for _, ends := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			s := onPipes(t, func(w http.ResponseWriter, r *http.Request) { say(w, r.URL.Path) }, func(_ *fetch.Config, p *pipes) {
				p.down = func(string) bool { return !ends || time.Since(began) < 5*time.Minute }
			})
			got, archived := exportAssets(t, s, 300)
			want := export.SectionResult{Key: "assets", Status: export.StatusOK, Binaries: 300}
			if !ends {
				want = export.SectionResult{Key: "assets", Status: export.StatusError, Error: "The source of the data could not be reached. Try again later."}
			}
			if got != want || len(archived) != 2+int(want.Binaries) { // and the manifest and sums
				t.Errorf("got %+v and %d files", got, len(archived))
			}
		})
	}
}

// TestHostThatIsGone: a host that is gone for good, and had many files, keeps nobody from those of
// others, once the section has been run again for it.
func TestHostThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := onPipes(t, func(w http.ResponseWriter, r *http.Request) { say(w, r.URL.Path) },
			func(_ *fetch.Config, p *pipes) { p.down = func(host string) bool { return host == "gon" } })
		for _, before := range []int{0, 100} {
			got, archived := exportURLs(t, s, both(both(numbered("cdn.example", before), numbered("gone.example", 500)), numbered("cdn.example/b", 1000)))
			want := export.SectionResult{
				Key: "assets", Status: export.StatusPartial, Binaries: int64(1000 + before), Error: "500 items were skipped; they are listed in assets/_skipped.ndjson.",
			}
			if got != want {
				t.Errorf("got %+v", got)
			}
			for name, list := range archived {
				if strings.HasSuffix(name, "/_skipped.ndjson") && strings.Count(list, silent) != 500 {
					t.Errorf("the list of skipped files begins with %.300s", list)
				}
			}
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

// TestSection: a section of URLs keeps to its contract.
func TestSection(t *testing.T) {
	asked, stop := make(chan struct{}, 1), make(chan struct{})
	defer close(stop)
	address, config := local(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/3":
			http.NotFound(w, r)
		case "/7":
			say(w, strings.Repeat("large", 100_000))
		case "/block/0":
			select {
			case asked <- struct{}{}:
			default:
			}
			select {
			case <-stop:
			case <-r.Context().Done():
			}
		default:
			say(w, r.URL.Path)
		}
	})
	host := strings.TrimPrefix(address, "http://")
	source := newSource(t, config)
	of := func(host string, n int) export.Section {
		return sections.New("assets", func(ctx context.Context, _ export.Scope, sink export.Sink) error {
			return export.FetchAll(ctx, sink, urlsOf(source, numbered(host, n)), 4)
		})
	}
	sectiontest.Run(t, sectiontest.Suite{
		New:       func(*testing.T) export.Section { return of(host, 10) },
		Scope:     export.Scope{Organization: export.Organization{ID: export.NewID()}},
		Block:     func(*testing.T) (export.Section, <-chan struct{}) { return of(host+"/block", 1), asked },
		CloseIdle: func() { _ = source.Close() },
	})
}

// BenchmarkFetch fetches files of 10 KB from a server that takes 20 ms for each. It is what the
// virtual times of the tests come to on a real network, that of this machine.
func BenchmarkFetch(b *testing.B) {
	content := strings.Repeat("0123456789", 1000)
	address, config := local(b, func(w http.ResponseWriter, _ *http.Request) {
		<-time.After(20 * time.Millisecond)
		say(w, content)
	})
	source := newSource(b, config)
	for _, n := range []int{1, 64} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			sink := sectiontest.NewRecorder(b.Context())
			if err := export.FetchAll(b.Context(), sink, urlsOf(source, numbered(strings.TrimPrefix(address, "http://"), b.N)), n); err != nil {
				b.Fatal(err)
			}
			if got := len(sink.Calls()) - len(sink.Skips()); got != b.N {
				b.Errorf("%d files of %d", got, b.N)
			}
		})
	}
}
