package cli_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// oddNames are the paths and names of public bug reports.
const oddNames = `
CREATE TABLE f (organization_id TEXT, id INT, file TEXT, at TIMESTAMP, name TEXT);
INSERT INTO f VALUES ('` + acme + `', 1, '/uploads/a.txt', '2024-01-01 10:20:30', 'x.txt'), ('` + acme + `', 2, './uploads/a.txt', '2024-01-01', 'y.txt'),
	('` + acme + `', 3, 'uploads//a.txt', '2024-01-01', 'y.txt'), ('` + acme + `', 4, 'uploads/my%20file.txt', '2024-01-01', 'z:1.txt'),
	('` + acme + `', 5, 'uploads/my file.txt', '2024-01-01', 'q?.txt'), ('` + acme + `', 6, 'uploads/nfd-e'||char(769)||'.txt', '2024-01-01', NULL),
	('` + acme + `', 7, '../files/uploads/a.txt', '2024-01-01', 'CON'), ('` + acme + `', 8, 'uploads/a.txt', '2024-01-01', 'photo'||char(8238)||'gpj.exe');
`

// TestOddNames: paths mean what they say, names are made of values or not at all, and the
// archive says why a file is not there.
func TestOddNames(t *testing.T) {
	t.Parallel()
	dir := shop(t)
	execute(t, dir, oddNames)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(filepath.Join(dir, "files/uploads"), 0o700))
	for _, name := range []string{"a.txt", "my file.txt", "nfd-\u00e9.txt"} {
		write(t, filepath.Join(dir, "files/uploads", name), "content of "+name)
	}
	write(t, filepath.Join(dir, "exportd.yaml"), source+`  - key: byfile
    assets:
      - {from: "dir:files", source: "{{.file}}", file: "{{.id}}-{{base .file}}", sql: "SELECT id, file FROM f WHERE organization_id = :organization_id ORDER BY id"}
  - key: bytime
    records:
      - {file: "{{.at}}-{{.id}}.yaml", each: row, sql: "SELECT id, at FROM f WHERE organization_id = :organization_id AND id < 3 ORDER BY id"}
  - key: escaped
    assets:
      - {from: "dir:files", source: "uploads/a.txt", file: "{{.id}}-{{urlquery .name}}", sql: "SELECT id, name FROM f WHERE organization_id = :organization_id AND id < 7 ORDER BY id"}
  - key: safe
    assets:
      - {from: "dir:files", source: "uploads/a.txt", file: "{{safe .name}}", sql: "SELECT id, name FROM f WHERE organization_id = :organization_id ORDER BY id"}
  - key: plain
    assets:
      - {from: "dir:files", source: "uploads/a.txt", file: "{{.name}}", sql: "SELECT id, name FROM f WHERE organization_id = :organization_id AND id > 6 ORDER BY id"}
`)
	run(t, dir, "--out", "out/a.zip").want(t, 3, "warning")
	files := extract(t, "zip", read(t, filepath.Join(dir, "out/a.zip")))
	var got []string
	for name := range files {
		if name = strings.TrimPrefix(name, stem+"/"); strings.Contains(name, "/") && !strings.HasSuffix(name, "/_skipped.ndjson") {
			got = append(got, name)
		}
	}
	slices.Sort(got)
	want := []string{
		"byfile/1-a.txt", "byfile/2-a.txt", "byfile/3-a.txt", "byfile/5-my file.txt", "byfile/8-a.txt",
		"bytime/2024-01-01-2.yaml", "bytime/2024-01-01T102030-1.yaml",
		"escaped/1-x.txt", "escaped/2-y.txt", "escaped/3-y.txt", "escaped/4-z%3A1.txt", "escaped/5-q%3F.txt",
		"safe/_CON~", "safe/photo_gpj~.exe", "safe/q_~.txt", "safe/x.txt", "safe/y.txt", "safe/z_1~.txt",
	}
	hashless := func(name string) string {
		before, after, ok := strings.Cut(name, "~")
		if ok && len(after) >= 10 {
			return before + "~" + after[10:]
		}
		return name
	}
	for i := range got {
		got[i] = hashless(got[i])
	}
	for i := range want {
		want[i] = hashless(want[i])
	}
	if !slices.Equal(got, want) {
		t.Errorf("files are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for section, want := range map[string]string{
		"byfile": `{"ref":"uploads/my%20file.txt","reason":"The file was not found. Its path is percent-encoded, and a file of the decoded path is there."}
{"ref":"uploads/nfd-` + "e\u0301" + `.txt","reason":"The file was not found. A file is there whose name differs only in upper and lower case, or in how accents are stored (NFC or NFD)."}
{"ref":"../files/uploads/a.txt","reason":"The path of the file has .. in it, which is not allowed."}
`,
		"escaped": `{"ref":"uploads/a.txt","reason":"The name needs a value that is missing."}` + "\n",
		"safe": `{"ref":"uploads/a.txt","reason":"The name needs a value that is missing."}
{"ref":"uploads/a.txt","reason":"The name \"y.txt\" is used twice in its section (upper and lower case do not differ)."}
`,
		"plain": `{"ref":"uploads/a.txt","reason":"The name \"CON\" has an element that Windows reserves."}
{"ref":"uploads/a.txt","reason":"The name \"photo\\u202egpj.exe\" has a character that changes the direction of text."}
`,
	} {
		if got := files[stem+"/"+section+"/_skipped.ndjson"]; got != want {
			t.Errorf("%s has skipped\n%s\nwant\n%s", section, got, want)
		}
	}
}

// TestFolderOfOrganization: rows that a tenant has written get nobody else's files.
func TestFolderOfOrganization(t *testing.T) {
	t.Parallel()
	dir := shop(t)
	execute(t, dir, `CREATE TABLE f (organization_id TEXT, id INT, file TEXT); INSERT INTO f VALUES ('`+acme+`', 1, 'a.txt'), ('`+acme+`', 2, '../`+empty+`/secret.txt'),
		('`+acme+`', 3, '/`+empty+`/secret.txt'), ('`+acme+`', 4, 'link'), ('`+acme+`', 5, 'folder/secret.txt'), ('`+acme+`', 6, '/../`+empty+`/secret.txt'),
		('`+acme+`', 7, '`+filepath.ToSlash(filepath.Join(dir, "files/of-"+empty))+`/secret.txt')`)
	for name, content := range map[string]string{"of-" + acme + "/a.txt": "own", "of-" + empty + "/secret.txt": "SECRET"} {
		file := filepath.Join(dir, "files", name)
		if err := os.Mkdir(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, file, content)
	}
	for name, target := range map[string]string{"link": "../of-" + empty + "/secret.txt", "folder": "../of-" + empty} {
		if err := os.Symlink(target, filepath.Join(dir, "files", "of-"+acme, name)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, "exportd.yaml"), source+`  - key: f
    assets:
      - {from: "dir:files/of-{{.organization_id}}", source: "{{.file}}", file: "{{.id}}", sql: "SELECT id, file FROM f WHERE organization_id = :organization_id ORDER BY id"}
`)
	run(t, dir, "--out", "out/a.zip").want(t, 3, "6 items were skipped")
	archive := read(t, filepath.Join(dir, "out/a.zip"))
	files := extract(t, "zip", archive)
	for name, content := range files {
		if strings.Contains(content, "SECRET") {
			t.Errorf("%s has what belongs to another", name)
		}
	}
	if files[stem+"/f/1"] != "own" {
		t.Errorf("the own file is %q", files[stem+"/f/1"])
	}
}
