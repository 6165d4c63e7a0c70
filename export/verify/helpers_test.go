package verify_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/archive/xz"
	"github.com/orgexport/orgexport/archive/zstd"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/record"
	"github.com/orgexport/orgexport/export/verify"
)

// need skips the test if a program is not installed, or fails it if the
// environment has REQUIRE_TOOLS=1.
func need(t testing.TB, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err == nil {
			continue
		}
		if os.Getenv("REQUIRE_TOOLS") == "1" {
			t.Fatalf("%s is not installed, and REQUIRE_TOOLS=1", program)
		}
		t.Skipf("%s is not installed", program)
	}
}

type section struct {
	key string
	run func(sink export.Sink) error
}

func (s section) Key() string { return s.key }
func (s section) Export(_ context.Context, _ export.Scope, sink export.Sink) error {
	return s.run(sink)
}

func row(pairs ...any) record.Row {
	var r record.Row
	for i := 0; i < len(pairs); i += 2 {
		r.Columns = append(r.Columns, pairs[i].(string))
		r.Values = append(r.Values, pairs[i+1])
	}
	return r
}

func rows(records ...any) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

const (
	top     = "export-acme-foods-20260626-210000"
	members = top + "/members/members.csv"
)

// build exports sections with the engine.
func build(t testing.TB, f archive.Format, sections ...export.Section) []byte {
	t.Helper()
	e, err := export.New(export.Config{Sections: sections, Scratch: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	asOf := time.Date(2026, 6, 26, 21, 0, 0, 0, time.UTC)
	org := export.Organization{ID: "H9cNmGXLEc8NWcZzSThA9S", Slug: "acme-foods", Name: "Acme Foods"}
	var b bytes.Buffer
	_, err = e.Export(t.Context(), export.Request{Organization: org, JobID: export.RunJobID(org.ID, asOf), AsOf: asOf, Format: f}, &b)
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// small is an archive with a bit of everything, large one with a file of two
// segments besides.
func small(t testing.TB, f archive.Format) []byte { return build(t, f, smallSections()...) }

func large(t testing.TB, f archive.Format) []byte {
	return build(t, f, append(smallSections(), section{"media", func(sink export.Sink) error {
		text := strings.Repeat("many words about tea. ", 50_000)
		return sink.Binary("film.mp4", strings.NewReader(string(noise(20_000))+text))
	}})...)
}

func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

func smallSections() []export.Section {
	return []export.Section{
		section{"products", func(sink export.Sink) error {
			text := "Grüner Tee\n---\n" + strings.Repeat("of the best sort ", 20)
			return errors.Join(
				sink.Record("1/product.yaml", row("id", 1, "name", "Tee 🍵", "text", text)),
				sink.Binary("1/日本.png", bytes.NewReader(noise(300))),
				sink.Binary("1/empty.txt", strings.NewReader("")),
				sink.Records("offers.ndjson", rows(row("id", 1), row("id", 2), row("id", 3))),
				sink.Records("prices.json", rows(row("p", json1), row("p", []any{1, 2}))),
				sink.Records("all.yaml", rows(row("a", "x"), row("a", "y"))),
				skip(sink))
		}},
		section{"members", func(sink export.Sink) error {
			return sink.Records("members.csv", rows(row("id", 1, "name", "Ann \"A\"\nLee"), row("id", 2, "name", "=1+1")))
		}},
		section{"nothing", func(export.Sink) error { return nil }},
	}
}

const json1 = `a "quoted" [text], with }`

func skip(sink export.Sink) error { //nolint:unparam // it is a section's function
	sink.Skip("image 7", errors.New("secret"))
	return nil
}

var formats = []archive.Format{archive.Zip(), archive.TarGz(), xz.TarXz(), zstd.TarZst()}

// check verifies an archive in memory.
func check(t testing.TB, f archive.Format, b []byte) verify.Report {
	t.Helper()
	return checkWith(t, f, bytes.NewReader(b), archive.ReadOptions{})
}

// checkWith verifies an archive and checks that nothing is left in scratch.
func checkWith(t testing.TB, f archive.Format, src io.Reader, o archive.ReadOptions) verify.Report {
	t.Helper()
	r, err := verify.Verify(t.Context(), f, src, verify.Options{Read: o})
	if err != nil {
		t.Fatalf("Verify: %v", err)
	}
	return r
}

// kinds returns what was found, each kind once.
func kinds(r verify.Report) []verify.Kind {
	var out []verify.Kind
	for _, f := range r.Findings {
		out = append(out, f.Kind)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// run runs a program in a folder and returns its output.
func run(t testing.TB, dir string, stdin []byte, program string, args ...string) []byte {
	t.Helper()
	cmd := command(t, dir, append([]string{program}, args...)...)
	cmd.Stdin = bytes.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", program, args, err, out)
	}
	return out
}

// command is a program to be run in a folder.
func command(t testing.TB, dir string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC")
	return cmd
}

// tree returns the files below a folder.
func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if !d.Type().IsRegular() {
			files[name] = d.Type().String()
			return nil
		}
		if err := os.Chmod(path, 0o600); err != nil { // a flip may have made it unreadable
			return err
		}
		content, err := os.ReadFile(path)
		files[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
