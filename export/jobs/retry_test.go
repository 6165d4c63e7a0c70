package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/archive/archivetest"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/exporttest"
	"github.com/orgexport/orgexport/export/jobs"
)

// source is data that changes, and sections that read it. The section "bad" fails while it is
// closed, and takes a while; "half" leaves something out.
type source struct {
	version string
	closed  bool
	took    time.Duration

	mu  sync.Mutex
	ran map[string]int // how often each section ran
}

func newSource() *source { return &source{version: "one", closed: true, ran: make(map[string]int)} }

func (s *source) runs(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ran[key]++
}

func (s *source) reads(key string) export.Section {
	return writes(key, func(sink export.Sink) error {
		s.runs(key)
		return sink.Record("it.yaml", row("version", s.version))
	})
}

func (s *source) sections() []export.Section {
	return []export.Section{
		s.reads("good"),
		writes("half", func(sink export.Sink) error {
			s.runs("half")
			if s.closed {
				sink.Skip("x", closedError{})
			}
			return sink.Record("it.yaml", row("version", s.version))
		}),
		section("bad", func(ctx context.Context, _ export.Scope, sink export.Sink) error {
			s.runs("bad")
			if s.closed {
				return closedError{}
			}
			select {
			case <-time.After(s.took):
				return sink.Record("it.yaml", row("version", s.version))
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}),
		writes("none", func(export.Sink) error {
			s.runs("none")
			return nil
		}),
	}
}

// contents are the versions in the archive of a job, by section, and its manifest.
func (n *node) contents(t *testing.T, job jobs.Job) (versions map[string]string, m export.Manifest) {
	t.Helper()
	job = n.get(t, job)
	top := strings.TrimSuffix(job.Filename, "."+job.Format) + "/"
	versions = make(map[string]string)
	for name, text := range archivetest.Unpack(t, job.Format, n.archive(t, job)) {
		name, ok := strings.CutPrefix(name, top)
		if !ok {
			t.Errorf("%s is outside of %s", name, top)
		}
		if key, ok := strings.CutSuffix(name, "/it.yaml"); ok {
			versions[key] = strings.TrimSpace(strings.TrimPrefix(text, "version: "))
		}
		if name == "manifest.yaml" {
			var err error
			if m, err = export.ParseManifest([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return versions, m
}

// wantOrigins checks what the manifest of a retry says of each section: which of some jobs
// ran it, by their names.
func wantOrigins(t *testing.T, m export.Manifest, of jobs.Job, by map[string]jobs.Job, want map[string]string) {
	t.Helper()
	if m.Retry == nil || m.Retry.Of != of.ID {
		t.Fatalf("the manifest says %+v, want a retry of %s", m.Retry, of.ID)
	}
	got := make(map[string]string)
	for _, o := range m.Retry.Sections {
		for name, job := range by {
			if job.ID != o.Job {
				continue
			}
			got[o.Key] = name
			if at := job.CreatedAt.Truncate(time.Second).Format(time.RFC3339); o.RequestedAt != at {
				t.Errorf("section %s of %s was requested at %s, want %s", o.Key, name, o.RequestedAt, at)
			}
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("the sections are of %v, want %v", got, want)
	}
}

// failedOnce has a job of which two of four sections are not whole, an hour ago.
func failedOnce(t *testing.T, change func(*jobs.Config)) (*node, *source, jobs.Job) {
	s := newSource()
	n := newNode(t, change, s.sections()...)
	first := n.create(t, jobs.Request{Format: "tar.gz"})
	n.work(t)
	first = n.get(t, first)
	var statuses []string
	for _, r := range first.Results {
		statuses = append(statuses, string(r.Status))
	}
	if got := strings.Join(statuses, " "); got != "ok partial error empty" {
		t.Fatalf("the sections of the first job are %s: %+v", got, first)
	}
	time.Sleep(time.Hour)
	s.version, s.closed = "two", false
	return n, s, first
}

// TestRetryRunsWhatFailed: only sections that were ok or empty are taken over, with the rows
// of then, and so a second time.
func TestRetryRunsWhatFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s, first := failedOnce(t, nil)
		second := n.create(t, jobs.Request{RetryOf: first.ID})
		if got := strings.Join(second.TakenOver(), " "); got != "good none" || second.Format != "tar.gz" || len(second.Results) != 2 {
			t.Errorf("the retry begins with %q: %+v", got, second)
		}
		if again, created, err := n.Create(t.Context(), jobs.Request{OrganizationID: acme.ID, RetryOf: first.ID, Format: "tar.gz"}); err != nil || created || again.ID != second.ID {
			t.Errorf("the same request gives %s, %t, %v, want %s", again.ID, created, err, second.ID)
		}
		n.work(t)
		versions, manifest := n.contents(t, second)
		if want := map[string]string{"good": "one", "half": "two", "bad": "two"}; !maps.Equal(versions, want) {
			t.Errorf("the archive has %v, want %v", versions, want)
		}
		if want := map[string]int{"good": 1, "half": 2, "bad": 2, "none": 1}; !maps.Equal(s.ran, want) {
			t.Errorf("the sections ran %v, want %v", s.ran, want)
		}
		second = n.get(t, second)
		by := map[string]jobs.Job{"first": first, "second": second}
		wantOrigins(t, manifest, first, by, map[string]string{"good": "first", "half": "second", "bad": "second", "none": "first"})
		if second.Filename != first.Filename || !second.AsOf.Equal(first.AsOf) || manifest.AsOf != first.AsOf.Format(time.RFC3339) {
			t.Errorf("the file is %s of %v, want %s of %v", second.Filename, second.AsOf, first.Filename, first.AsOf)
		}
		if _, manifest := n.contents(t, first); manifest.Retry != nil {
			t.Errorf("the first archive says %+v", manifest.Retry)
		}

		time.Sleep(time.Hour)
		s.version = "three"
		third := n.create(t, jobs.Request{RetryOf: second.ID, Sections: []string{"good", "bad"}})
		if got := strings.Join(third.TakenOver(), " "); got != "good bad" {
			t.Errorf("the retry of the retry begins with %q", got)
		}
		n.work(t)
		versions, manifest = n.contents(t, third)
		if want := map[string]string{"good": "one", "bad": "two"}; !maps.Equal(versions, want) {
			t.Errorf("the archive of the retry of the retry has %v, want %v", versions, want)
		}
		wantOrigins(t, manifest, second, by, map[string]string{"good": "first", "bad": "second"})
	})
}

// TestRetryWithoutParts: where the parts are gone, all sections run, and the manifest says so.
func TestRetryWithoutParts(t *testing.T) {
	reap := func(t *testing.T, n *node) {
		if err := n.Reap(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name   string
		change func(*jobs.Config)
		lose   func(t *testing.T, n *node, first jobs.Job)
		taken  string // what the retry hopes for
	}{
		{"after their time", nil, func(t *testing.T, n *node, _ jobs.Job) { time.Sleep(24 * time.Hour); reap(t, n) }, ""},
		{"none are kept", func(c *jobs.Config) { c.PartsRetention = -1 }, func(t *testing.T, n *node, _ jobs.Job) { reap(t, n) }, ""},
		{"the first is deleted", nil, func(t *testing.T, n *node, first jobs.Job) {
			if _, err := n.Delete(t.Context(), acme.ID, first.ID); err != nil {
				t.Fatal(err)
			}
		}, ""},
		{"lost", nil, func(t *testing.T, n *node, first jobs.Job) {
			for _, id := range first.Parts {
				if err := n.spool.Delete(t.Context(), id); err != nil {
					t.Fatal(err)
				}
			}
		}, "good none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, s, first := failedOnce(t, c.change)
				c.lose(t, n, first)
				second := n.create(t, jobs.Request{RetryOf: first.ID})
				if got := strings.Join(second.TakenOver(), " "); got != c.taken {
					t.Errorf("the retry begins with %q, want %q", got, c.taken)
				}
				n.work(t)
				versions, manifest := n.contents(t, second)
				if want := map[string]string{"good": "two", "half": "two", "bad": "two"}; !maps.Equal(versions, want) {
					t.Errorf("the archive has %v, want %v", versions, want)
				}
				if want := map[string]int{"good": 2, "half": 2, "bad": 2, "none": 2}; !maps.Equal(s.ran, want) {
					t.Errorf("the sections ran %v, want %v", s.ran, want)
				}
				by := map[string]jobs.Job{"first": first, "second": n.get(t, second)}
				wantOrigins(t, manifest, first, by, map[string]string{"good": "second", "half": "second", "bad": "second", "none": "second"})
			})
		})
	}
}

// TestRetryOfARetryWithoutTheFirstParts: those of the first job are deleted before those of
// the retry.
func TestRetryOfARetryWithoutTheFirstParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s, first := failedOnce(t, nil)
		second := n.create(t, jobs.Request{RetryOf: first.ID})
		n.work(t)
		time.Sleep(23*time.Hour + 30*time.Minute)
		if err := n.Reap(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.version = "three"
		third := n.create(t, jobs.Request{RetryOf: second.ID})
		if got := strings.Join(third.TakenOver(), " "); got != "half bad" {
			t.Errorf("the retry of the retry begins with %q", got)
		}
		n.work(t)
		versions, manifest := n.contents(t, third)
		if want := map[string]string{"good": "three", "half": "two", "bad": "two"}; !maps.Equal(versions, want) {
			t.Errorf("the archive has %v, want %v", versions, want)
		}
		by := map[string]jobs.Job{"second": n.get(t, second), "third": n.get(t, third)}
		wantOrigins(t, manifest, second, by, map[string]string{"good": "third", "half": "second", "bad": "second", "none": "third"})
	})
}

// TestRetryOfAFormatThatIsGone is refused, by a text that says so.
func TestRetryOfAFormatThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s, first := failedOnce(t, nil)
		n = newNode(t, func(c *jobs.Config) {
			c.Store, c.Formats = n.store, []archive.Format{archive.Zip()}
			c.Engine = engine(t, func(c *export.Config) { c.Spool = new(exporttest.MemSpool) }, s.sections()...)
		}, fine("a"))
		var wrong *jobs.RequestError
		_, _, err := n.Create(t.Context(), jobs.Request{OrganizationID: acme.ID, RetryOf: first.ID})
		if !errors.As(err, &wrong) || wrong.Field != "retry_of" || !strings.Contains(wrong.Public(), `"tar.gz"`) {
			t.Errorf("Create gives %v", err)
		}
	})
}

// TestRetryOfAJobThatFailed takes over what was sealed before its required section failed.
func TestRetryOfAJobThatFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSource()
		n := newNode(t, nil, fine("a"))
		n = newNode(t, func(c *jobs.Config) {
			c.Store, c.Destination = n.store, n.dest
			c.Engine = engine(t, func(c *export.Config) {
				c.Spool, c.Concurrency = n.spool, 1
				c.Options = map[string]export.SectionOptions{"bad": {Required: true}}
			}, s.sections()...)
		}, fine("a"))
		first := n.create(t, jobs.Request{})
		n.work(t)
		if first = n.get(t, first); first.Status != jobs.Failed {
			t.Fatalf("the first job is %s", first.Status)
		}
		s.version, s.closed = "two", false
		second := n.create(t, jobs.Request{RetryOf: first.ID})
		n.work(t)
		versions, _ := n.contents(t, second)
		if got := fmt.Sprint(versions, s.ran); got != "map[bad:two good:one half:two] map[bad:2 good:1 half:2 none:1]" {
			t.Errorf("the archive has, and ran: %s", got)
		}
	})
}
