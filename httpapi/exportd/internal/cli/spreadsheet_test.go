package cli_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/export/record"
)

// formulas are texts that spreadsheets take for formulas, in one way or another.
const formulas = `
CREATE TABLE t (organization_id TEXT, ID INT, name TEXT, phone TEXT);
INSERT INTO t VALUES ('` + acme + `', 1, '=1+1', '+49 (0)30'), ('` + acme + `', 2, char(10)||'=1+1', '007'), ('` + acme + `', 3, '＝1+1', NULL), ('` + acme + `', 4, 'a;=1+1', ''),
	('` + acme + `', 5, ' =1+1', '1234567890123456789'), ('` + acme + `', 6, char(65279)||'=1+1', 'x'||char(0)||'y'), ('` + acme + `', 7, '"=1+1"', '%0A=1'), ('` + acme + `', 8, '-12.50', '48.1,-11.5');
`

var formulaCells = [][]string{
	{"ID", "name", "phone"}, {"1", "=1+1", "+49 (0)30"}, {"2", "\n=1+1", "007"}, {"3", "＝1+1", ""}, {"4", "a;=1+1", ""}, {"5", " =1+1", "1234567890123456789"},
	{"6", "\ufeff=1+1", "x\x00y"}, {"7", "\"=1+1\"", "%0A=1"}, {"8", "-12.50", "48.1,-11.5"},
}

// TestSpreadsheets: what a spreadsheet could take for a formula is guarded, whatever the
// delimiter is, and the guard is undone as the manifest says.
func TestSpreadsheets(t *testing.T) {
	t.Parallel()
	dir := shop(t)
	execute(t, dir, formulas)
	section := `  - key: t
    records:
      - {file: t.csv, sql: "SELECT ID, name, phone FROM t WHERE organization_id = :organization_id ORDER BY id"}
`
	for _, c := range []struct {
		keys, delimiter, begin, manifest string
	}{
		{"", ",", "\"ID\",name,phone\r\n1,'=1+1,'+49 (0)30\r\n2,\"'\n'=1+1\",007\r\n3,'＝1+1,\r\n4,a;'=1+1,\"\"\r\n5,\"' =1+1\",1234567890123456789\r\n6,'\ufeff=1+1,x\x00y\r\n7,\"'\"\"=1+1\"\"\",%0A=1\r\n8,-12.50,\"48.1,-11.5\"\r\n",
			"csv:\n  delimiter: \",\"\n  bom: false\n  line_ending: crlf\n  formula_guard: true\n  undo: "},
		{"csv: {delimiter: semicolon, bom: true}\n", ";", "\ufeff\"ID\";name;phone\r\n1;'=1+1;'+49 (0)30\r\n", "csv:\n  delimiter: \";\"\n  bom: true\n  line_ending: crlf\n  formula_guard: true\n  undo: "},
		{"csv: {delimiter: tab, line_ending: lf, formula_guard: false}\n", "\t", "\"ID\"\tname\tphone\n1\t=1+1\t+49 (0)30\n", "csv:\n  delimiter: \"\\t\"\n  bom: false\n  line_ending: lf\n  formula_guard: false\nsections:"},
	} {
		write(t, filepath.Join(dir, "exportd.yaml"), c.keys+source+section)
		run(t, dir, "--out", "out/a.zip").want(t, 0)
		files := extract(t, "zip", read(t, filepath.Join(dir, "out/a.zip")))
		text := files[stem+"/t/t.csv"]
		if !strings.HasPrefix(text, c.begin) {
			t.Errorf("%sgot  %q\nwant %q", c.keys, text, c.begin)
		}
		if !strings.Contains(files[stem+"/manifest.yaml"], c.manifest) {
			t.Errorf("%sthe manifest is\n%s", c.keys, files[stem+"/manifest.yaml"])
		}
		cells := pythonCells(t, text, c.delimiter)
		if !strings.Contains(c.keys, "false") {
			for _, row := range cells {
				for i := range row {
					row[i] = record.Unguard(row[i])
				}
			}
		}
		if !reflect.DeepEqual(cells, formulaCells) {
			t.Errorf("%sgot  %q\nwant %q", c.keys, cells, formulaCells)
		}
	}
}

// pythonCells has Python read a .csv.
func pythonCells(t *testing.T, text, delimiter string) (cells [][]string) {
	t.Helper()
	needTools(t, "python3")
	file := filepath.Join(t.TempDir(), "t.csv")
	write(t, file, text)
	c := exec.CommandContext(t.Context(), "python3", "-c", `import csv, json, sys
with open(sys.argv[1], encoding="utf-8-sig", newline="") as f:
    print(json.dumps(list(csv.reader((line.replace("\0", "\ue000") for line in f), delimiter=sys.argv[2], strict=True))).replace("\\ue000", "\\u0000"))`, file, delimiter)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err == nil {
		err = json.Unmarshal(out, &cells)
	}
	if err != nil {
		t.Fatal(err)
	}
	return cells
}
