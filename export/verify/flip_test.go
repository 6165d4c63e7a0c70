package verify_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/archive/archivetest"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/verify"
)

// extractors unpack an archive into the folder they run in.
func extractors(f archive.Format) [][]string {
	if f.Name() == "zip" {
		return [][]string{{"unzip", "-qq", "-o"}, {"7z", "x", "-y", "-bd", "-bso0"}, {"bsdtar", "-xf"}}
	}
	return [][]string{{"tar", "-xzf"}, {"bsdtar", "-xf"}}
}

// extract returns what a program unpacks. That it complains does not matter.
func extract(t testing.TB, program []string, name string, b []byte) map[string]string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	if err := os.Mkdir(out, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := command(t, out, append(slices.Clone(program), path)...)
	_, _ = cmd.CombinedOutput() // what it leaves is compared
	return tree(t, out)
}

// TestFlips: a flip of any single bit is found, or changes nothing that a
// program unpacks. Flips that are not found are grouped by the field of the
// header they are in, and one of each group is given to the programs; all of
// them with -long. Without it a bit or two of each byte are flipped, and not of each byte
// of the large archive.
func TestFlips(t *testing.T) {
	for _, f := range formats[:2] {
		for name, b := range map[string][]byte{"small": small(t, f), "large": large(t, f)} {
			t.Run(f.Name()+"/"+name, func(t *testing.T) {
				for _, e := range extractors(f) {
					need(t, e[0])
				}
				step := map[string]int{"small": 7, "large": 4999}[name]
				if archivetest.Long() {
					step = 1
				}
				testFlips(t, f, b, step)
			})
		}
	}
}

func testFlips(t *testing.T, f archive.Format, b []byte, step int) {
	b = bytes.Clone(b)
	place := places(f, b)
	quiet := make(map[string][]int)
	total, flips := 0, 0
	for bit := 0; bit < 8*len(b); bit += step {
		flips++
		b[bit/8] ^= 1 << (bit % 8)
		if r := check(t, f, b); r.Whole() {
			where := fmt.Sprintf("%s, bit %d", place(bit/8), bit%8)
			quiet[where] = append(quiet[where], bit)
			total++
		}
		b[bit/8] ^= 1 << (bit % 8)
	}
	t.Logf("%d of %d flips change nothing, in %d fields", total, flips, len(quiet))
	programs := extractors(f)
	want := extract(t, programs[0], "a."+f.Extension(), b)
	for _, where := range slices.Sorted(maps.Keys(quiet)) {
		bits := quiet[where]
		if !archivetest.Long() {
			bits = bits[:1]
		}
		for _, bit := range bits {
			b[bit/8] ^= 1 << (bit % 8)
			for _, program := range programs {
				if got := extract(t, program, "a."+f.Extension(), b); !maps.Equal(got, want) {
					t.Errorf("%s at byte %d is not found, but %s unpacks other files", where, bit/8, program[0])
				}
			}
			b[bit/8] ^= 1 << (bit % 8)
		}
	}
}

// places returns a function that names the field of a byte.
func places(f archive.Format, b []byte) func(at int) string {
	if f.Name() != "zip" {
		return func(at int) string {
			if at < 10 {
				return fmt.Sprintf("gzip header byte %d", at)
			}
			return fmt.Sprintf("gzip contents, part %d", 4*at/len(b))
		}
	}
	names := make(map[int]string)
	mark := func(from, n int, name string) {
		for i := range n {
			names[from+i] = fmt.Sprintf("%s byte %2d", name, i)
		}
	}
	end := len(b) - 22
	for at := int(binary.LittleEndian.Uint32(b[end+16:])); at < end; {
		name, extra := int(binary.LittleEndian.Uint16(b[at+28:])), int(binary.LittleEndian.Uint16(b[at+30:]))
		local := int(binary.LittleEndian.Uint32(b[at+42:]))
		mark(at, 46, "directory entry")
		mark(at+46+name, extra, "directory extra field")
		mark(local, 30, "local header")
		mark(local+30+name, int(binary.LittleEndian.Uint16(b[local+28:])), "local extra field")
		at += 46 + name + extra
	}
	mark(end, 22, "end record")
	return func(at int) string {
		if name, ok := names[at]; ok {
			return name
		}
		return fmt.Sprintf("contents, part %d", 4*at/len(b))
	}
}

// TestCuts: an archive that is cut at any length, or has lost bytes at its
// beginning or in between, is damaged and nothing else: at every length with -long. An
// archive that is an asset in it is not taken for what was cut. A tar.zst may have lost
// whole frames, and then files are missing.
func TestCuts(t *testing.T) {
	for _, f := range formats {
		nested := build(t, f, section{"media", func(sink export.Sink) error {
			return errors.Join(sink.Binary("old.zip", bytes.NewReader(small(t, archive.Zip()))), sink.Binary("end", bytes.NewReader(noise(100))))
		}})
		for name, b := range map[string][]byte{"small": small(t, f), "large": large(t, f), "nested": nested} {
			step := map[string]int{"small": 3, "nested": 11, "large": 7919}[name]
			if f.Name() == "tar.xz" { // whose decoder takes a MiB each time
				step *= 4
			}
			if archivetest.Long() {
				step = 1
			}
			damaged := func(what string, n int, b []byte) {
				t.Helper()
				r := check(t, f, b)
				if missing := f.Name() == "tar.zst" && what != "cut at" && !r.Whole(); !missing && !slices.Equal(kinds(r), []verify.Kind{verify.Damaged}) {
					t.Fatalf("%s %s, %s %d: found %+v", name, f.Name(), what, n, r.Findings)
				}
			}
			for i, n := 0, 0; n < len(b); i, n = i+1, n+step {
				damaged("cut at", n, b[:n])
				if i%4 != 0 && !archivetest.Long() {
					continue
				}
				damaged("first bytes lost", n+1, b[n+1:])
				damaged("a byte lost at", n, slices.Delete(bytes.Clone(b), n, n+1))
				damaged("bytes lost at", n, slices.Delete(bytes.Clone(b), n, min(n+512, len(b))))
			}
		}
	}
}
