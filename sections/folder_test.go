package sections_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/sections"
	"github.com/orgexport/orgexport/sections/sectiontest"
)

// Whatever is in its rows, an organization gets no file of another's folder.
func TestAssetsOfOrganization(t *testing.T) {
	folder := t.TempDir()
	for name, content := range map[string]string{"up/acme/a.txt": "a of acme", "up/bolt/a.txt": "a of bolt", "up/bolt/secret.txt": "secret of bolt", "top.txt": "top"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"up/acme/link": "../bolt/secret.txt", "up/acme/folder": "../bolt", "up/acme/top": "../../top.txt", "up/acme/own": "a.txt"} {
		if err := os.Symlink(target, filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	list := []string{"a.txt", "/a.txt", "own", "../bolt/secret.txt", "/../bolt/secret.txt", "bolt/secret.txt", "/up/bolt/secret.txt", "link", "folder/secret.txt", "top", "../../top.txt",
		filepath.Join(folder, "up/bolt/secret.txt")}
	files := fstest.MapFS{}
	for _, name := range []string{"up/acme/a.txt", "up/acme/own", "up/bolt/secret.txt"} {
		files[name] = &fstest.MapFile{Data: []byte("a of acme")}
	}
	for name, fsys := range map[string]fs.FS{"folder": sections.RootFS(root), "files": files, "no Stat": onlyOpen{files}} {
		t.Run(name, func(t *testing.T) {
			scope := export.Scope{Organization: export.Organization{ID: "acme", Slug: "acme-foods"}}
			r, err := recorded(t, assetsOf(t, fsys, "up/{{.organization_id}}", list), scope)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range r.Calls() {
				if c.Op == sectiontest.Binary && c.Err == nil {
					got = append(got, c.Name+"="+string(c.Content))
				}
			}
			if want := []string{"a=a of acme", "b=a of acme", "c=a of acme"}; !slices.Equal(got, want) || len(r.Skips()) != len(list)-len(want) {
				t.Errorf("got %q, want %q; skipped %q", got, want, skips(r))
			}
		})
	}
	// An organization without a folder has no files.
	r, err := recorded(t, assetsOf(t, sections.RootFS(root), "up/{{.organization_id}}", list[:1]), export.Scope{Organization: export.Organization{ID: "new"}})
	if got := skips(r); err != nil || !slices.Equal(got, []string{"a.txt: The file was not found."}) {
		t.Errorf("skipped %q, %v", got, err)
	}
	// An id that is no element of a path is nobody's folder.
	for _, id := range []string{"", ".", "..", "acme/../bolt", "../up/bolt", "/", `a\b`} {
		r, err := recorded(t, assetsOf(t, sections.RootFS(root), "up/{{.organization_id}}", list[:1]), export.Scope{Organization: export.Organization{ID: id}})
		if _, read := r.Find("a"); read || err == nil || export.PublicText(err) != "The data could not be read." {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// assetsOf is a section of files that are named by a query.
func assetsOf(t *testing.T, fsys fs.FS, folder string, list []string) export.Section {
	t.Helper()
	values := make([]string, len(list))
	for i, name := range list {
		values[i] = "SELECT '" + string(rune('a'+i)) + "' AS n, '" + name + "' AS file"
	}
	s, err := sections.NewSQL(sections.SQL{Key: "files", DB: newDB(t), Assets: []sections.AssetFiles{{
		FS: fsys, Folder: folder, Source: "{{.file}}", File: "{{.n}}", SQL: strings.Join(values, " UNION ALL "), Shared: true,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestBadFolder(t *testing.T) {
	for folder, want := range map[string]string{
		"up/{{.id}}":         `Assets[0].Folder uses "id"; a folder may use organization_id, organization_uuid, organization_number and organization_slug`,
		"{{.organization_id": "Assets[0].Folder is not a template",
		" ":                  "Assets[0].Folder is empty",
	} {
		_, err := sections.NewSQL(sections.SQL{Key: "files", DB: newDB(t), Assets: []sections.AssetFiles{{
			FS: fstest.MapFS{}, Folder: folder, Source: "a", File: "a", SQL: "SELECT 1", Shared: true,
		}}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", folder, err, want)
		}
	}
}

// A folder may be named by the forms of an id that a query may use.
func TestFolderOfForms(t *testing.T) {
	uuid := [16]byte{0x0b, 0x5f, 0x3c, 0x1e, 0x2d, 0x4a, 0x4b, 0x6c, 0x8d, 0x9e, 0xaf, 0x10, 0x21, 0x32, 0x43, 0x54}
	files := fstest.MapFS{"0b5f3c1e-2d4a-4b6c-8d9e-af1021324354/a": {Data: []byte("uuid")}, "acme-foods/a": {Data: []byte("slug")}}
	for folder, want := range map[string]string{"{{.organization_uuid}}": "uuid", "{{.organization_slug}}": "slug", "{{.organization_number}}": ""} {
		scope := export.Scope{Organization: export.Organization{ID: export.EncodeID(uuid), Slug: "acme-foods"}}
		r, err := recorded(t, assetsOf(t, files, folder, []string{"a"}), scope)
		c, _ := r.Find("a")
		if string(c.Content) != want || (err != nil) != (want == "") {
			t.Errorf("%s: %q, %v; want %q", folder, c.Content, err, want)
		}
	}
}
