package verify_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/archive/archivetest"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/verify"
)

// catalogue exports about size bytes in a file: half of them small records,
// half assets, some of which can be packed.
func catalogue(t testing.TB, f archive.Format, size int64) string {
	t.Helper()
	words := strings.Fields("tea coffee organic fair trade from the best gardens of high mountain slopes and small farms")
	s := section{"products", func(sink export.Sink) error {
		random := rand.New(rand.NewPCG(1, 2))
		text := func(n int) string {
			var b strings.Builder
			for b.Len() < n {
				fmt.Fprintf(&b, "%s %d ", words[random.IntN(len(words))], random.IntN(1000))
			}
			return b.String()
		}
		for i := int64(0); i < size; i += 4 << 20 {
			for j := range 1000 {
				if err := sink.Record(fmt.Sprintf("%d/%d.yaml", i, j), row("id", j, "name", text(30), "text", text(2000))); err != nil {
					return err
				}
			}
			asset := io.LimitReader(rand.NewChaCha8([32]byte{byte(i >> 20)}), 1<<20)
			if err := sink.Binary(fmt.Sprintf("%d/photo.jpg", i), asset); err != nil {
				return err
			}
			if err := sink.Binary(fmt.Sprintf("%d/sheet.svg", i), strings.NewReader(text(1<<20))); err != nil {
				return err
			}
		}
		return nil
	}}
	path := filepath.Join(t.TempDir(), "archive."+f.Extension())
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	e, err := export.New(export.Config{Sections: []export.Section{s}, Scratch: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	asOf := time.Date(2026, 6, 26, 21, 0, 0, 0, time.UTC)
	w := bufio.NewWriter(out)
	_, err = e.Export(t.Context(), export.Request{
		Organization: export.Organization{ID: "a", Slug: "b"}, JobID: "c", AsOf: asOf, Format: f,
	}, w)
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = out.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// rivals check archives of a format without their list of sums.
var rivals = []struct {
	f       archive.Format
	program []string
}{
	{archive.Zip(), []string{"unzip", "-tqq"}},
	{archive.TarGz(), []string{"gzip", "-t"}},
}

// BenchmarkVerify also tells how many times as long it takes as the format's
// rival.
func BenchmarkVerify(b *testing.B) {
	size := int64(64 << 20)
	if archivetest.Long() {
		size = 1 << 30
	}
	for _, c := range rivals {
		b.Run(c.f.Name(), func(b *testing.B) {
			need(b, c.program[0])
			path := catalogue(b, c.f, size)
			var theirs time.Duration
			for range 3 {
				theirs = best(theirs, timeOf(b, c.program, path))
			}
			for b.Loop() {
				b.SetBytes(verifyFile(b, c.f, path).Bytes)
			}
			b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(theirs), "times-"+c.program[0])
		})
	}
}

func verifyFile(t testing.TB, f archive.Format, path string) verify.Report {
	t.Helper()
	src, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	r := checkWith(t, f, src, archive.ReadOptions{})
	if !r.Whole() {
		t.Fatalf("%+v", r.Findings)
	}
	return r
}

// timeOf is how long a program takes for an archive that is whole.
func timeOf(t testing.TB, program []string, path string) time.Duration {
	t.Helper()
	start := time.Now()
	run(t, "", nil, program[0], append(program[1:len(program):len(program)], path)...)
	return time.Since(start)
}

func best(a, b time.Duration) time.Duration {
	if a == 0 {
		return b
	}
	return min(a, b)
}

// TestSpeed holds Verify to 1.5 times the time of the rivals and 64 MiB.
func TestSpeed(t *testing.T) {
	if !archivetest.Long() {
		t.Skip("needs -long")
	}
	for _, c := range rivals {
		need(t, c.program[0])
		path := catalogue(t, c.f, 1<<30)
		var theirs, ours time.Duration
		var peak int64
		for range 3 { // the best of each, by turns
			theirs = best(theirs, timeOf(t, c.program, path))
			start := time.Now()
			_, n := child(t, c.f, path, t.TempDir(), true)
			ours = best(ours, time.Since(start))
			peak = max(peak, n)
		}
		ratio := float64(ours) / float64(theirs)
		t.Logf("%s: %v, %s takes %v: %.2f times as long, %d MiB of memory", c.f.Name(), ours, c.program[0], theirs, ratio, peak>>20)
		if ratio > 1.5 || peak > 64<<20 {
			t.Errorf("%s takes %.2f times the time of %s, want at most 1.5, and %d MiB, want at most 64", c.f.Name(), ratio, c.program[0], peak>>20)
		}
	}
}
