package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMain lets the processes of measurements be this program.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "do" {
		main()
		return
	}
	os.Exit(m.Run())
}

func measureAll(t *testing.T, args ...string) string {
	t.Helper()
	var out, log bytes.Buffer
	args = append(args, "--size", "2MiB", "--files", "2100", "--dir", t.TempDir())
	if err := run(t.Context(), args, &out, &log); err != nil {
		t.Fatalf("%v\n%s", err, log.Bytes())
	}
	return out.String()
}

// TestJSON measures everything once, with little data.
func TestJSON(t *testing.T) {
	var got struct {
		Results []struct {
			Name    string
			Wall    *spread `json:"wall_s"`
			CPU     *spread `json:"cpu_s"`
			Peak    float64 `json:"peak_mib"`
			Bytes   int64
			Missing string
		}
	}
	if err := json.Unmarshal([]byte(measureAll(t, "--rounds", "1", "--json")), &got); err != nil {
		t.Fatal(err)
	}
	want, byName, writes := 0, make(map[string]bool), make(map[string]bool)
	for _, c := range contests() {
		want += len(c.all())
		for _, one := range c.all() {
			writes[one.name] = one.opened != ""
		}
	}
	for _, r := range got.Results {
		byName[r.Name] = true
		switch {
		case r.Missing != "" && (r.Name == fastzip.name || strings.HasPrefix(r.Missing, "no database")):
		case r.Missing != "" && os.Getenv("REQUIRE_TOOLS") == "":
			t.Logf("%s is not measured: %s", r.Name, r.Missing)
		case r.Missing != "":
			t.Errorf("%s is not measured: %s", r.Name, r.Missing)
		case r.Wall.Min <= 0 || r.Wall.Min > r.Wall.Median || r.Wall.Median > r.Wall.Max || r.CPU.Max <= 0 || r.Peak <= 0:
			t.Errorf("%+v", r)
		case r.Bytes == 0 && writes[r.Name]:
			t.Errorf("%s has no output", r.Name)
		}
	}
	if len(byName) != want || !byName["orgexport tar.gz"] || !byName["tar | pigz -6 -p2"] {
		t.Errorf("%d names of %d", len(byName), want)
	}
}

// TestReport measures two of them, by turns, and writes table and chart.
func TestReport(t *testing.T) {
	folder := t.TempDir()
	measureAll(t, "--rounds", "2", "--out", folder, "--only", "orgexport tar.gz,orgexport tar.gz, level 7, klauspost/pgzip,saracen/fastzip")
	report, err := os.ReadFile(filepath.Join(folder, "results.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| orgexport tar.gz | ", "| orgexport tar.gz, level 7 | ", "| klauspost/pgzip | ", "saracen/fastzip was not measured: "} {
		if strings.Count(string(report), want) != 1 {
			t.Errorf("%q is not there once:\n%s", want, report)
		}
	}
	picture, err := os.ReadFile(filepath.Join(folder, "results.svg"))
	if err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(bytes.NewReader(picture)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(string(picture), ">klauspost/pgzip</text><rect class=") {
		t.Errorf("the chart lacks a bar:\n%s", picture)
	}
}

func TestArguments(t *testing.T) {
	for _, args := range [][]string{{"--rounds", "0"}, {"--size", "0"}, {"--size", "1TB"}, {"--size", "9999999GiB"}, {"--only", "nobody"}, {"word"}, {"do", "nobody"}} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%q is understood", args)
		}
	}
	for text, want := range map[string]int64{"7": 7, "1KiB": 1024, "256MiB": 256 << 20, "2GiB": 2 << 30} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("%s is %d, %v", text, got, err)
		}
	}
}

// TestSameData makes the same files twice.
func TestSameData(t *testing.T) {
	s := sizes{bytes: 3 << 20, files: 1200}
	for _, d := range []dataset{mix, smallFiles, oneFile, manyImages, text} {
		var contents [2]map[string]string
		for i := range contents {
			folder, err := d.folder(t.TempDir(), s)
			if err != nil {
				t.Fatal(err)
			}
			contents[i] = make(map[string]string)
			for file, err := range filesOf(os.DirFS(folder)) {
				if err != nil {
					t.Fatal(err)
				}
				b, err := os.ReadFile(filepath.Join(folder, file.Name))
				if err != nil {
					t.Fatal(err)
				}
				contents[i][file.Name] = string(b)
			}
		}
		var total int
		for name, content := range contents[0] {
			if total += len(content); contents[1][name] != content {
				t.Errorf("%s: %s differs", d.name, name)
			}
		}
		if len(contents[0]) != len(contents[1]) || total < 1<<19 {
			t.Errorf("%s: %d and %d files, %d bytes", d.name, len(contents[0]), len(contents[1]), total)
		}
	}
}
