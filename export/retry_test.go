package export_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/exporttest"
)

// sealedJob runs the sections of which a request has no part, and returns it with all parts.
func sealedJob(t *testing.T, e *export.Engine, r export.Request) export.Request {
	t.Helper()
	parts := slices.Clone(r.Parts)
	var mu sync.Mutex
	err := e.Seal(t.Context(), r, func(_ context.Context, id export.PartID, _ export.SectionResult) error {
		mu.Lock()
		defer mu.Unlock()
		parts = append(parts, id)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Parts = parts
	return r
}

// partsOf returns the parts that a request has of some sections.
func partsOf(r export.Request, keys ...string) []export.PartID {
	return slices.DeleteFunc(slices.Clone(r.Parts), func(id export.PartID) bool { return !slices.Contains(keys, id.Section) })
}

// joined is the archive of a request that has all parts.
func joined(t *testing.T, e *export.Engine, r export.Request) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := e.Join(t.Context(), r, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestRetryTakesPartsOver: the data changes between a job, its retry and another one. Each
// archive has what was read for its parts, and says who read it.
func TestRetryTakesPartsOver(t *testing.T) {
	version := "one"
	reads := func(key string) export.Section {
		return writes(key, func(sink export.Sink) error { return sink.Record("it.yaml", row("version", version)) })
	}
	for _, format := range []archive.Format{archive.Zip(), archive.TarGz()} {
		t.Run(format.Name(), func(t *testing.T) {
			spool := new(exporttest.MemSpool)
			e := engine(t, func(c *export.Config) { c.Spool, c.Concurrency = spool, 1 }, reads("a"), reads("b"), reads("c"))
			r := request()
			r.Format, version = format, "one"
			first := sealedJob(t, e, r)
			first.Parts = slices.DeleteFunc(first.Parts, func(id export.PartID) bool { return id.Section == "c" })
			first.Parts = append(first.Parts, export.PartID{JobID: "gone", Section: "c"})

			retryOf := func(old export.Request, id string, later time.Duration, taken ...string) export.Request {
				r := r
				r.JobID, r.RetryOf, r.RequestedAt = id, old.JobID, r.AsOf.Add(later)
				r.Parts = partsOf(old, taken...)
				return sealedJob(t, e, r)
			}
			version = "two"
			second := retryOf(first, "second", time.Hour+999*time.Millisecond, "a")
			version = "three"
			third := retryOf(second, "third", 2*time.Hour, "a", "b")

			want := func(r export.Request, versions, manifest string) {
				t.Helper()
				files := unpack(t, format.Name(), joined(t, e, r))
				checkSums(t, files)
				got := fmt.Sprint(strings.TrimPrefix(files["a/it.yaml"], "version: "), strings.TrimPrefix(files["b/it.yaml"], "version: "),
					strings.TrimPrefix(files["c/it.yaml"], "version: "))
				if got != versions {
					t.Errorf("%s has %q, want %q", r.JobID, got, versions)
				}
				if !strings.Contains(files["manifest.yaml"], manifest) {
					t.Errorf("the manifest of %s is\n%s\nwant\n%s", r.JobID, files["manifest.yaml"], manifest)
				}
			}
			want(second, "one\ntwo\ntwo\n", `retry:
  of: `+r.JobID+`
  sections:
    - key: a
      job: `+r.JobID+`
      requested_at: "2026-06-26T21:00:00Z"
    - key: b
      job: second
      requested_at: "2026-06-26T22:00:00Z"
    - key: c
      job: second
      requested_at: "2026-06-26T22:00:00Z"
`)
			want(third, "one\ntwo\nthree\n", `retry:
  of: second
  sections:
    - key: a
      job: `+r.JobID+`
      requested_at: "2026-06-26T21:00:00Z"
    - key: b
      job: second
      requested_at: "2026-06-26T22:00:00Z"
    - key: c
      job: third
      requested_at: "2026-06-26T23:00:00Z"
`)
		})
	}
}

// TestRetryHasTheSameBytes: two attempts at a retry make one archive. Two retries of a job
// make archives that differ in what the manifest says of the retry.
func TestRetryHasTheSameBytes(t *testing.T) {
	e := engine(t, func(c *export.Config) { c.Spool = new(exporttest.MemSpool) }, fine("a"), fine("b"))
	first := sealedJob(t, e, request())
	retry := func(id string, attempt int, later time.Duration) []byte {
		r := request()
		r.JobID, r.RetryOf, r.Attempt, r.RequestedAt = id, first.JobID, attempt, r.AsOf.Add(later)
		r.Parts = partsOf(first, "a")
		return joined(t, e, sealedJob(t, e, r))
	}
	second := retry("second", 1, time.Hour)
	if !bytes.Equal(second, retry("second", 2, time.Hour)) {
		t.Error("two attempts at a retry have other bytes")
	}
	one, two := unpack(t, "zip", second), unpack(t, "zip", retry("third", 1, 2*time.Hour))
	change := strings.NewReplacer("job: second", "job: third", "22:00:00Z", "23:00:00Z")
	one["manifest.yaml"] = change.Replace(one["manifest.yaml"])
	delete(one, "SHA256SUMS")
	delete(two, "SHA256SUMS")
	if !maps.Equal(one, two) {
		t.Errorf("two retries are\n%v\n%v", one, two)
	}
}

// TestPartOfAnOlderProgram does not say when it was requested.
func TestPartOfAnOlderProgram(t *testing.T) {
	e := engine(t, func(c *export.Config) { c.Spool = new(exporttest.MemSpool) }, fine("a"))
	r := request()
	r.RequestedAt = time.Unix(0, 0) // which is how such a part looks
	r = sealedJob(t, e, r)
	first := r.JobID
	r.JobID, r.RetryOf, r.RequestedAt = "second", first, r.AsOf.Add(time.Hour)
	manifest := unpack(t, "zip", joined(t, e, r))["manifest.yaml"]
	if want := "  sections:\n    - key: a\n      job: " + first + "\ncsv:"; !strings.Contains(manifest, want) {
		t.Errorf("the manifest is\n%s\nwant\n%s", manifest, want)
	}
}
