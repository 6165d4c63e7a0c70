package cli_test

import (
	"archive/zip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestRename: with names: rename nothing is left out for its name, the same names come out
// each time, and the list has what they were. With keep_time files keep their times.
func TestRename(t *testing.T) {
	t.Parallel()
	dir := shop(t)
	execute(t, dir, `CREATE TABLE f (organization_id TEXT, id INT, name TEXT);
		INSERT INTO f VALUES ('`+acme+`', 1, 'a.txt'), ('`+acme+`', 2, 'A.TXT'), ('`+acme+`', 3, 'AC/DC: live?.txt'), ('`+acme+`', 4, 'con'), ('`+acme+`', 5, 'photo'||char(8238)||'gpj.exe'),
		('`+acme+`', 6, '`+strings.Repeat("ü", 200)+`.png'), ('`+acme+`', 7, '..'), ('`+acme+`', 8, 'a.txt'), ('`+acme+`', 9, NULL), ('`+acme+`', 10, '_renamed.ndjson')`)
	modified := time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)
	if err := os.Chtimes(filepath.Join(dir, "files/images/tea.png"), modified, modified); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "exportd.yaml"), source+`  - key: f
    names: rename
    records:
      - {file: "{{.name}}.yaml", each: row, sql: "SELECT id, name FROM f WHERE organization_id = :organization_id AND id IN (1, 2, 3) ORDER BY id"}
    assets:
      - {from: "dir:files", source: images/tea.png, file: "{{.name}}", keep_time: true, sql: "SELECT id, name FROM f WHERE organization_id = :organization_id ORDER BY id"}
`)
	run(t, dir, "--out", "out/a.zip").want(t, 3, "1 item was skipped")
	run(t, dir, "--out", "out/b.zip").want(t, 3, "1 item was skipped")
	archive := read(t, filepath.Join(dir, "out/a.zip"))
	if archive != read(t, filepath.Join(dir, "out/b.zip")) {
		t.Error("another run gives another archive")
	}
	finish(t, command(t, dir, "verify", "out/a.zip")).want(t, 0)
	files := extract(t, "zip", archive)
	long := strings.Repeat("ü", 125) + ".png"
	want := `{"name":"A.TXT~2.yaml","original":"A.TXT.yaml"}
{"name":"AC_DC_ live_.txt.yaml","original":"AC\\DC: live?.txt.yaml"}
{"name":"A~2.TXT","original":"A.TXT"}
{"name":"AC_DC_ live_.txt","original":"AC\\DC: live?.txt"}
{"name":"_con","original":"con"}
{"name":"photo_gpj.exe","original":"photo` + "\u202e" + `gpj.exe"}
{"name":"` + long + `","original":"` + strings.Repeat("ü", 200) + `.png"}
{"name":"_","original":".."}
{"name":"a~3.txt","original":"a.txt"}
{"name":"__renamed.ndjson","original":"_renamed.ndjson"}
`
	if got := files[stem+"/f/_renamed.ndjson"]; got != want {
		t.Errorf("renamed are\n%s\nwant\n%s", got, want)
	}
	if got, want := files[stem+"/f/_skipped.ndjson"], `{"ref":"images/tea.png","reason":"The name needs a value that is missing."}`+"\n"; got != want {
		t.Errorf("skipped are\n%s\nwant\n%s", got, want)
	}
	r, err := zip.OpenReader(filepath.Join(dir, "out/a.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	kept := 0
	for _, f := range r.File {
		if f.Modified.Equal(modified) {
			kept++
		}
	}
	if kept != 9 {
		t.Errorf("%d files have kept their time, want 9", kept)
	}
}
