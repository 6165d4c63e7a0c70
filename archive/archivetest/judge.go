package archivetest

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Judge is another program that reads archives.
type Judge struct {
	// Name is the name of its subtest.
	Name string

	// Program is the command that must be installed.
	Program string

	// Optional means that the judge is skipped if it is not installed, even
	// with REQUIRE_TOOLS=1.
	Optional bool

	// Check runs the program on the archive at path. It fails the test unless
	// the program finds the files wanted.
	Check func(t *testing.T, path string, want []File)
}

// NeedProgram skips the test if a program is not installed, or fails it if the environment
// has REQUIRE_TOOLS=1.
func NeedProgram(t testing.TB, name string) { needProgram(t, name, false) }

func needProgram(t testing.TB, name string, optional bool) {
	t.Helper()
	if _, err := exec.LookPath(name); err == nil {
		return
	}
	if os.Getenv("REQUIRE_TOOLS") == "1" && !optional {
		t.Fatalf("%s is not installed, and REQUIRE_TOOLS=1", name)
	}
	t.Skipf("%s is not installed", name)
}

// need is NeedProgram, unless the judge is optional.
func (j Judge) need(t *testing.T) {
	t.Helper()
	needProgram(t, j.Program, j.Optional)
}

// testJudges lets all judges read an archive with everything in it, one with files of
// pieces, one with an empty file and one with nothing.
func testJudges(t *testing.T, k *kit) {
	if RaceDetector {
		t.Skip("judges read the same without the race detector")
	}
	items := slices.Concat(longNames(), otherNames(), k.several(), []item{
		newItem("empty", nil),
		newItem("stored.jpg", noise(3000, 1)),
		newItem("stored-large.jpg", k.large(k.Segment+100)),
	})
	if !k.Slow {
		items = append(items, newItem("mixed", mixed(3*k.Segment+77, 1)), newItem("noise", noise(2*k.Segment+1, 1)))
	}
	third := len(items) / 3
	everything := k.join(t, k.pack(t, items[:third]...), k.pack(t), k.pack(t, items[third:]...))
	pieces, inPieces := k.joinPieces(t, k.severalPieced(t)...)
	for name, sample := range map[string]struct {
		archive []byte
		items   []item
	}{
		"everything": {everything, items},
		"pieces":     {pieces, inPieces},
		"empty file": {k.join(t, k.pack(t, newItem("empty", nil))), []item{newItem("empty", nil)}},
		"nothing":    {k.join(t), nil},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "archive."+k.Format.Extension())
			if err := os.WriteFile(path, sample.archive, 0o644); err != nil {
				t.Fatal(err)
			}
			k.judge(t, path, files(sample.items))
		})
	}
}

// judge asks all judges.
func (k *kit) judge(t *testing.T, path string, want []File) {
	t.Helper()
	for _, j := range k.Judges {
		t.Run(j.Name, func(t *testing.T) {
			j.need(t)
			j.Check(t, path, want)
		})
	}
}

// run runs a program in the folder dir, with names in UTF-8 and times in UTC. It
// returns what the program prints, and fails the test unless it ends with 0.
func run(t *testing.T, dir, program string, args ...string) []byte {
	t.Helper()
	out, code := outcome(t, dir, program, args...)
	if code != 0 {
		t.Fatalf("%s %q ends with %d: %s", program, args, code, out)
	}
	return out
}

// outcome runs a program and returns what it prints and its exit status.
func outcome(t *testing.T, dir, program string, args ...string) ([]byte, int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	code := cmd.ProcessState.ExitCode()
	if code != 0 {
		stdout.Write(stderr.Bytes())
	}
	return stdout.Bytes(), code
}

// unpacks returns a check that unpacks into an empty folder and compares the
// files there. times says whether the program restores their times.
func unpacks(times bool, program string, args func(path string) []string) func(*testing.T, string, []File) {
	return func(t *testing.T, path string, want []File) {
		t.Helper()
		dir := t.TempDir()
		run(t, dir, program, args(path)...)
		compareFolder(t, dir, want, times)
	}
}

// tests returns a check that only looks at the exit status.
func tests(program string, args ...string) func(*testing.T, string, []File) {
	return func(t *testing.T, path string, _ []File) {
		t.Helper()
		run(t, "", program, append(args, path)...)
	}
}

// compareFolder compares the files under dir.
func compareFolder(t *testing.T, dir string, want []File, times bool) {
	t.Helper()
	var got []File
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		f, err := readFile(path, filepath.ToSlash(name))
		if !times {
			f.ModTime = time.Time{}
		}
		got = append(got, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want = slices.Clone(want)
	for _, list := range [][]File{got, want} {
		slices.SortFunc(list, byName)
	}
	compare(t, got, want)
}

func readFile(path, name string) (File, error) {
	f, err := os.Open(path)
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return File{}, err
	}
	return read(name, info.ModTime(), f)
}

// compareLines compares what a judge has printed, a line for each file: its
// SHA-256, size, Unix time or "-", and name.
func compareLines(t *testing.T, out []byte, want []File) {
	t.Helper()
	var got []File
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		fields := strings.SplitN(lines.Text(), " ", 4)
		if len(fields) != 4 {
			t.Fatalf("judge printed %q", lines.Text())
		}
		f := File{Name: fields[3]}
		sum, err := hex.DecodeString(fields[0])
		if err != nil || len(sum) != len(f.SHA256) {
			t.Fatalf("judge printed %q", lines.Text())
		}
		copy(f.SHA256[:], sum)
		if f.Size, err = strconv.ParseInt(fields[1], 10, 64); err != nil {
			t.Fatal(err)
		}
		if fields[2] != "-" {
			seconds, err := strconv.ParseInt(fields[2], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			f.ModTime = time.Unix(seconds, 0)
		}
		got = append(got, f)
	}
	compare(t, got, want)
}
