package main

import (
	"archive/zip"
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/sections"
)

// files are the names in a folder.
func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestCommand runs the example as its comment says and looks into the archive.
func TestCommand(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(t.TempDir(), "embed.exe")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	names := files(t, dir)
	if len(names) != 1 || !regexp.MustCompile(`^export-acme-foods-\d{8}-\d{6}\.zip$`).MatchString(names[0]) {
		t.Fatalf("files are %q, want one archive", names)
	}
	archive, err := zip.OpenReader(filepath.Join(dir, names[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	top := names[0][:len(names[0])-len(".zip")]
	want := []struct{ name, contents string }{
		{"members/members.csv", "name,email\r\nAda,ada@acme.example\r\nGrace,grace@acme.example\r\n"},
		{"contracts/supply-2026.txt", "Acme Foods buys two tons of green tea from Leaf & Co. each year.\n"},
		{"manifest.yaml", ""},
		{"SHA256SUMS", ""},
	}
	if len(archive.File) != len(want) {
		t.Fatalf("%d files, want %d", len(archive.File), len(want))
	}
	for i, w := range want {
		f := archive.File[i]
		if f.Name != top+"/"+w.name {
			t.Errorf("file %d is %q, want %q", i, f.Name, top+"/"+w.name)
		}
		if got := read(t, f); w.contents != "" && got != w.contents {
			t.Errorf("%s is %q, want %q", w.name, got, w.contents)
		}
	}
}

func read(t *testing.T, f *zip.File) string {
	t.Helper()
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	contents, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(contents)
}

// TestFailureLeavesNothing cancels an export while a section is running.
func TestFailureLeavesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	engine, err := export.New(export.Config{Sections: []export.Section{
		sections.FromSeq("members", "members.csv", func(context.Context, export.Scope) iter.Seq2[member, error] {
			return func(yield func(member, error) bool) {
				cancel()
				yield(member{}, nil)
			}
		}),
	}})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	name, err := exportTo(ctx, engine, acme, "2LRUDfEgQDPQUuGN2svJix", dir)
	if name != "" || !errors.Is(err, context.Canceled) {
		t.Errorf("got %q, %v", name, err)
	}
	if names := files(t, dir); len(names) != 0 {
		t.Errorf("left behind: %q", names)
	}
}
