package export_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const depsFile = "testdata/deps.txt"

// updateFlag is -update, which several packages may define in one test binary.
var updateFlag = func() flag.Value {
	if flag.Lookup("update") == nil {
		flag.Bool("update", false, "write golden files")
	}
	return flag.Lookup("update").Value
}()

// TestDependencies compares everything outside the standard library that the
// packages of the core link with a golden list: who embeds them gets no new
// dependency by accident.
func TestDependencies(t *testing.T) {
	touchSources(t)
	got := make(map[string][]string)
	for _, goos := range []string{"linux", "darwin", "windows"} {
		listDependencies(t, goos, got)
	}
	if updateFlag.String() == "true" {
		writeDependencies(t, got)
		return
	}
	want := readDependencies(t)
	for _, pkg := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[pkg]; !ok {
			t.Errorf("%s is not in %s", pkg, depsFile)
			continue
		}
		for _, dep := range got[pkg] {
			if !slices.Contains(want[pkg], dep) {
				t.Errorf("%s has a new dependency: %s", pkg, dep)
			}
		}
		for _, dep := range want[pkg] {
			if !slices.Contains(got[pkg], dep) {
				t.Errorf("%s no longer depends on %s", pkg, dep)
			}
		}
	}
	for pkg := range want {
		if _, ok := got[pkg]; !ok {
			t.Errorf("%s is in %s but does not exist", pkg, depsFile)
		}
	}
	if t.Failed() {
		t.Log("If this is meant, run `go test ./export -run TestDependencies -update` and say why in the commit.")
	}
}

// listDependencies adds what each package of the core links on goos to deps.
func listDependencies(t *testing.T, goos string, deps map[string][]string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Standard,DepOnly,Deps",
		"./archive/...", "./export/...", "./sections", "./sections/sectiontest/...", "./sign")
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list for %s: %v\n%s", goos, err, stderr.Bytes())
	}
	type pkg struct {
		ImportPath        string
		Standard, DepOnly bool
		Deps              []string
	}
	standard := make(map[string]bool)
	var core []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		standard[p.ImportPath] = p.Standard
		if !p.DepOnly {
			core = append(core, p)
		}
	}
	for _, p := range core {
		own := slices.DeleteFunc(p.Deps, func(dep string) bool { return standard[dep] })
		all := slices.Concat(deps[p.ImportPath], own)
		slices.Sort(all)
		deps[p.ImportPath] = slices.Compact(all)
	}
}

func writeDependencies(t *testing.T, deps map[string][]string) {
	t.Helper()
	var b strings.Builder
	b.WriteString("# What the packages of the core link outside the standard library, on Linux, macOS or Windows.\n")
	for _, pkg := range slices.Sorted(maps.Keys(deps)) {
		b.WriteString("\n" + pkg + "\n")
		for _, dep := range deps[pkg] {
			b.WriteString("\t" + dep + "\n")
		}
	}
	if err := os.MkdirAll(filepath.Dir(depsFile), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(depsFile, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
}

func readDependencies(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(depsFile)
	if err != nil {
		t.Fatal(err)
	}
	deps := make(map[string][]string)
	var pkg string
	for line := range strings.Lines(string(text)) {
		dep, isDep := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "\t")
		switch {
		case isDep:
			deps[pkg] = append(deps[pkg], dep)
		case dep != "" && !strings.HasPrefix(dep, "#"):
			pkg = dep
			deps[pkg] = nil
		}
	}
	return deps
}

// touchSources reads the folders of the core, so that `go test` does not
// answer from its cache when a file that only `go list` reads has changed.
func touchSources(t *testing.T) {
	t.Helper()
	for _, room := range []string{"archive", "export", "sections", "sign"} {
		err := filepath.WalkDir(filepath.Join("..", room), func(_ string, _ fs.DirEntry, err error) error { return err })
		if err != nil {
			t.Fatal(err)
		}
	}
}
