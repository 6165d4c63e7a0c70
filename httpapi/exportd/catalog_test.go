package main_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/orgexport/orgexport/archive/archivetest"
)

// The catalogue is a real one that lies beside the checkout where this project
// is developed; it is no part of the project.
const catalogFolder = "../../../shared/data"

// catalogue returns a folder with the catalogue and the configuration for it.
func catalogue(t *testing.T) string {
	t.Helper()
	source, err := filepath.Abs(catalogFolder)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(source, "catalog.db")); err != nil {
		t.Skip("skipped: the catalogue is not beside this checkout")
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(source)); err != nil {
		t.Fatal(err)
	}
	// The catalogue is kept read-only; the copy is for the test to change.
	err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Chmod(path, 0o755))
	})
	if err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile("testdata/catalog.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "catalog.yaml"), config, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// rows asks the database through another program than ours.
func rows(t *testing.T, dir, sql string) []map[string]any {
	t.Helper()
	out := command(t, dir, "sqlite3", "-json", "catalog.db", sql)
	if len(bytes.TrimSpace(out)) == 0 {
		return nil
	}
	var rows []map[string]any
	if err := json.Unmarshal(out, &rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

// command runs a program in dir and returns what it prints.
func command(t *testing.T, dir, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, stderr.String())
	}
	return out
}

// inventory is what `exportd run --json` prints.
type inventory struct {
	Filename string `json:"filename"`
	Sections []struct {
		Key      string `json:"key"`
		Status   string `json:"status"`
		Records  int    `json:"record_count"`
		Binaries int    `json:"binary_count"`
		Error    string `json:"error"`
	} `json:"sections"`
}

// export runs `exportd run --json` on the catalogue.
func export(t *testing.T, dir string, args ...string) inventory {
	t.Helper()
	args = append([]string{"run", "--config", "catalog.yaml", "--json", "--as-of", "2026-06-26T21:00:00Z"}, args...)
	var got inventory
	if err := json.Unmarshal(command(t, dir, exportd(t), args...), &got); err != nil {
		t.Fatal(err)
	}
	return got
}

// TestCatalogue exports each second organization, with -long each in each format, and lets
// programs of others unpack and read what comes out.
func TestCatalogue(t *testing.T) {
	needTools(t, "sqlite3", "unzip", "tar", "xz", "zstd", "gzip", "sha256sum")
	dir := catalogue(t)
	organizations := rows(t, dir, "SELECT * FROM organizations")
	if len(organizations) != 8 {
		t.Fatalf("%d organizations, want 8", len(organizations))
	}
	unpack := map[string][]string{
		"zip":     {"unzip", "-q"},
		"tar.gz":  {"tar", "-xzf"},
		"tar.xz":  {"tar", "-xJf"},
		"tar.zst": {"tar", "--zstd", "-xf"},
	}
	formats := slices.Sorted(maps.Keys(unpack))
	for i, organization := range organizations {
		if i%2 != 0 && !archivetest.Long() {
			continue
		}
		id, slug := organization["id"].(string), organization["slug"].(string)
		for j, format := range formats {
			if smallest := slug == "utils" && format == "tar.gz"; i/2%len(formats) != j && !smallest && !archivetest.Long() {
				continue
			}
			tool := unpack[format]
			t.Run(slug+"/"+format, func(t *testing.T) {
				got := export(t, dir, "--organization", id, "--format", format)
				stem := "closient-export-" + slug + "-20260626-210000"
				if got.Filename != stem+"."+format {
					t.Errorf("file name is %q", got.Filename)
				}
				first, err := os.ReadFile(filepath.Join(dir, got.Filename))
				if err != nil {
					t.Fatal(err)
				}
				into := t.TempDir()
				command(t, into, tool[0], append(tool[1:], filepath.Join(dir, got.Filename))...)
				tree := filepath.Join(into, stem)
				command(t, tree, "sha256sum", "--quiet", "-c", "SHA256SUMS")
				checkCatalogue(t, dir, tree, organization, got)
				if slug == "utils" && format == "tar.gz" {
					checkSmall(t, into, stem, len(first))
				}
				again := export(t, dir, "--organization", id, "--format", format)
				second, err := os.ReadFile(filepath.Join(dir, again.Filename))
				if err != nil || !bytes.Equal(first, second) {
					t.Errorf("a second export has other bytes (%v)", err)
				}
			})
		}
	}
}

// checkSmall checks that the archive is no larger than what tar and gzip make
// of the same tree.
func checkSmall(t *testing.T, dir, stem string, size int) {
	t.Helper()
	out := command(t, dir, "sh", "-c", "tar -c --owner=0 --group=0 "+stem+" | gzip -6 | wc -c")
	other, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("tar.gz has %d bytes, tar | gzip -6 %d: ratio %.4f", size, other, float64(size)/float64(other))
	if size > other {
		t.Errorf("tar.gz has %d bytes, tar | gzip -6 has %d", size, other)
	}
}

// checkCatalogue compares an unpacked export with the database.
func checkCatalogue(t *testing.T, dir, tree string, organization map[string]any, got inventory) {
	t.Helper()
	of := func(table string) []map[string]any {
		return rows(t, dir, fmt.Sprintf("SELECT * FROM %s WHERE organization_id = '%s' ORDER BY id", table, organization["id"]))
	}
	members, products, offers, assets := of("members"), of("products"), of("offers"), of("assets")

	want := inventory{Filename: got.Filename}
	type section = struct {
		Key      string `json:"key"`
		Status   string `json:"status"`
		Records  int    `json:"record_count"`
		Binaries int    `json:"binary_count"`
		Error    string `json:"error"`
	}
	want.Sections = append(want.Sections,
		section{Key: "organization", Status: "ok", Records: 1},
		section{Key: "members", Status: "ok", Records: len(members)},
		section{Key: "products", Status: "ok", Records: len(products) + len(offers), Binaries: len(assets)})
	if !reflect.DeepEqual(got, want) {
		t.Errorf("inventory is %+v, want %+v", got, want)
	}

	expected := map[string]map[string]any{"organization/organization.yaml": organization}
	for _, p := range products {
		for _, column := range []string{"tags", "attributes"} {
			var nested any
			if err := json.Unmarshal([]byte(p[column].(string)), &nested); err != nil {
				t.Fatal(err)
			}
			p[column] = nested
		}
		expected["products/"+p["id"].(string)+"/product.yaml"] = p
	}
	checkYAML(t, tree, expected)
	checkCSV(t, filepath.Join(tree, "members/members.csv"), members)
	checkNDJSON(t, filepath.Join(tree, "products/offers.ndjson"), offers)
	for _, a := range assets {
		file := a["file"].(string)
		name := fmt.Sprintf("products/%s/%s-%s", a["product_id"], a["id"], filepath.Base(file))
		checkFile(t, filepath.Join(tree, name), filepath.Join(dir, file))
	}
	checkNames(t, tree, len(expected)+len(assets)+2)
}

// checkYAML reads the files with two parsers that are not the engine's.
func checkYAML(t *testing.T, tree string, expected map[string]map[string]any) {
	t.Helper()
	var names []string
	for name := range expected {
		names = append(names, filepath.Join(tree, name))
	}
	slices.Sort(names)
	script, err := filepath.Abs("testdata/yaml2json.py")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), pythonWithYAML(t), script)
	cmd.Stdin = strings.NewReader(strings.Join(names, "\n"))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != len(names) {
		t.Fatalf("PyYAML read %d files of %d", len(lines), len(names))
	}
	for i, name := range names {
		short, err := filepath.Rel(tree, name)
		if err != nil {
			t.Fatal(err)
		}
		var python any
		if err := json.Unmarshal([]byte(lines[i]), &python); err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "PyYAML", short, python, expected[short])
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var parsed any
		if err := yaml.Unmarshal(text, &parsed); err != nil {
			t.Fatalf("goccy/go-yaml: %s: %v", short, err)
		}
		plain, err := json.Marshal(parsed)
		if err != nil {
			t.Fatal(err)
		}
		var golang any
		if err := json.Unmarshal(plain, &golang); err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "goccy/go-yaml", short, golang, expected[short])
	}
}

func wantEqual(t *testing.T, reader, name string, got any, want map[string]any) {
	t.Helper()
	if !reflect.DeepEqual(got, any(want)) {
		t.Errorf("%s reads %s as\n%v\nthe row is\n%v", reader, name, got, want)
	}
}

func checkCSV(t *testing.T, name string, want []map[string]any) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil || len(lines) != len(want)+1 {
		t.Fatalf("%s has %d lines, %v, want %d", name, len(lines), err, len(want)+1)
	}
	for i, row := range want {
		for column, title := range lines[0] {
			if got := unguard(lines[i+1][column]); got != row[title] {
				t.Errorf("%s, line %d, %s is %q, want %q", name, i+2, title, got, row[title])
			}
		}
	}
}

// unguard takes away the apostrophe before text that a spreadsheet would take
// for a formula, as the documentation has it.
func unguard(cell string) string {
	if rest := strings.TrimLeft(cell, "'"); rest != cell && rest != "" && strings.ContainsRune("=+-@\t\r", rune(rest[0])) {
		return cell[1:]
	}
	return cell
}

func checkNDJSON(t *testing.T, name string, want []map[string]any) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	for line := range bytes.Lines(text) {
		var got map[string]any
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatal(err)
		}
		if i >= len(want) || !reflect.DeepEqual(got, want[i]) {
			t.Fatalf("%s, line %d is %v", name, i+1, got)
		}
		i++
	}
	if i != len(want) {
		t.Errorf("%s has %d lines, want %d", name, i, len(want))
	}
}

func checkFile(t *testing.T, got, want string) {
	t.Helper()
	a, err := os.ReadFile(got)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(want)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Errorf("%s is not %s", got, want)
	}
}

// checkNames checks that there is nothing but n files and the inventory.
func checkNames(t *testing.T, tree string, n int) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(tree, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if files != n+2 { // and the manifest and the sums
		t.Errorf("%d files, want %d", files, n+2)
	}
}
