package sections_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/sections"
)

// shelf is a sections.ListedFiles. Each file has its name as its content.
type shelf struct {
	names []string
	err   error // of the listing, behind the names
}

func (s shelf) Session() func(context.Context, string) (export.Content, error) {
	return s.SessionIn("")
}

func (shelf) SessionIn(folder string) func(context.Context, string) (export.Content, error) {
	return func(_ context.Context, name string) (export.Content, error) {
		return export.Content{Body: io.NopCloser(strings.NewReader(folder + ":" + name))}, nil
	}
}

func (s shelf) List(_ context.Context, folder string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, name := range s.names {
			if rest, ok := strings.CutPrefix(name, folder+"/"); ok && !yield(rest, nil) {
				return
			}
		}
		if s.err != nil {
			yield("", s.err)
		}
	}
}

func allSQL(t *testing.T, a sections.AssetFiles) export.Section {
	t.Helper()
	a.All = true
	return newSQL(t, sections.SQL{Key: "files", DB: newDB(t), Scratch: t.TempDir(), Assets: []sections.AssetFiles{a}})
}

// TestAllFiles takes all files of an organization, of a folder and of what can be listed.
func TestAllFiles(t *testing.T) {
	own := acme.Organization.ID
	dir := t.TempDir()
	for _, name := range []string{own + "/a/x", own + "/b", "other/secret", own + "x/secret"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(own+":"+strings.TrimPrefix(name, own+"/")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	listed := shelf{names: []string{own + "/a/x", own + "/b", own + "/../other/secret", "other/secret"}}
	for name, c := range map[string]struct {
		files sections.AssetFiles
		want  []string
	}{
		"a folder":              {sections.AssetFiles{FS: sections.RootFS(root), Folder: "{{.organization_id}}"}, []string{"a/x", "b"}},
		"a folder into another": {sections.AssetFiles{FS: sections.RootFS(root), Folder: "{{.organization_id}}", File: "docs"}, []string{"docs/a/x", "docs/b"}},
		"no folder":             {sections.AssetFiles{FS: sections.RootFS(root), Folder: "none/{{.organization_id}}"}, nil},
		// The last one is refused and skipped.
		"a list":        {sections.AssetFiles{From: listed, Folder: "{{.organization_id}}", File: "docs"}, []string{"docs/a/x", "docs/b", "docs/../other/secret", "docs/../other/secret"}},
		"a shared list": {sections.AssetFiles{From: shelf{names: []string{"/all"}}, Shared: true}, []string{"all"}},
	} {
		r, err := recorded(t, allSQL(t, c.files), acme)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var names []string
		for _, call := range r.Calls() {
			names = append(names, call.Name)
		}
		if !slices.Equal(names, c.want) {
			t.Errorf("%s has %q, want %q", name, names, c.want)
		}
	}
}

// TestListThatFails takes what was listed before, and returns the error.
func TestListThatFails(t *testing.T) {
	files := shelf{names: []string{"/a"}, err: errors.New("broken")}
	r, err := recorded(t, allSQL(t, sections.AssetFiles{From: files, Shared: true}), acme)
	if _, ok := r.Find("a"); !ok || err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("%v; found: %t", err, ok)
	}
}
