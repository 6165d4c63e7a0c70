package archivetest

import (
	_ "embed"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

//go:embed testdata/judge.py
var pythonJudge string

//go:embed testdata/Judge.java
var javaJudge string

// ZipJudges returns programs that read zip archives.
func ZipJudges() []Judge {
	return []Judge{
		{Name: "unzip", Program: "unzip", Check: unzip},
		{Name: "zip -T", Program: "zip", Check: zipTest},
		sevenZip(unpacks(true, "7z", func(path string) []string { return []string{"x", "-y", path} })),
		{Name: "bsdtar", Program: "bsdtar", Check: bsdtar},
		python("zipfile"),
		{Name: "ZipInputStream", Program: "java", Check: java},
		{Name: "busybox unzip", Program: "busybox", Optional: true, Check: busyboxUnzip},
	}
}

// TarJudges returns programs that read packed tar archives. packer is the command
// that packs alike, such as "gzip"; it is a judge, too. The other programs unpack what
// gzip, bzip2 and xz pack: tar, bsdtar, 7z, "python tarfile", "python stream" and
// "busybox tar". With another packer leave out, by Name, those that do not know it.
func TarJudges(packer string) []Judge {
	return []Judge{
		{Name: packer + " -t", Program: packer, Check: tests(packer, "-t")},
		{Name: "tar", Program: "tar", Check: unpacks(true, "tar", unpackTar)},
		{Name: "bsdtar", Program: "bsdtar", Check: bsdtar},
		sevenZip(sevenZipTar),
		python("tarfile"),
		python("stream"),
		{Name: "busybox tar", Program: "busybox", Optional: true, Check: func(t *testing.T, path string, want []File) {
			t.Helper()
			if len(want) > 0 && want[0].Size >= 8*gib {
				t.Skip("busybox tar does not know files of 8 GiB")
			}
			unpacks(true, "sh", func(path string) []string {
				return []string{"-c", packer + ` -dc "$1" | busybox tar -x`, "sh", path}
			})(t, path, want)
		}},
	}
}

func unpackTar(path string) []string { return []string{"-x", "-f", path} }

// bsdtar always writes é as one character, except on macOS.
func bsdtar(t *testing.T, path string, want []File) {
	t.Helper()
	want = slices.Clone(want)
	if runtime.GOOS != "darwin" {
		for i := range want {
			want[i].Name = strings.ReplaceAll(want[i].Name, "e\u0301", "\u00e9")
		}
	}
	unpacks(true, "bsdtar", unpackTar)(t, path, want)
}

// unzip accepts that the program warns about an archive without files: it does
// so whoever made the archive.
func unzip(t *testing.T, path string, want []File) {
	t.Helper()
	if len(want) == 0 {
		if out, code := outcome(t, "", "unzip", "-t", path); code != 1 || !strings.Contains(string(out), "zipfile is empty") {
			t.Errorf("unzip ends with %d: %s", code, out)
		}
		return
	}
	run(t, "", "unzip", "-tqq", path)
	unpacks(true, "unzip", func(path string) []string { return []string{"-q", path} })(t, path, want)
}

// zipTest skips archives without files, because the program does not open them.
func zipTest(t *testing.T, path string, want []File) {
	t.Helper()
	if len(want) > 0 {
		run(t, "", "zip", "-T", path)
	}
}

// busyboxUnzip skips archives without files and those with zip64, because the
// program does not know them.
func busyboxUnzip(t *testing.T, path string, want []File) {
	t.Helper()
	if len(want) == 0 || want[0].Size >= 4*gib {
		t.Skip("busybox unzip knows neither empty archives nor zip64")
	}
	unpacks(false, "busybox", func(path string) []string { return []string{"unzip", "-q", path} })(t, path, want)
}

// sevenZip tests before it unpacks.
func sevenZip(unpack func(*testing.T, string, []File)) Judge {
	return Judge{Name: "7z", Program: "7z", Check: func(t *testing.T, path string, want []File) {
		t.Helper()
		run(t, "", "7z", "t", path)
		unpack(t, path, want)
	}}
}

// sevenZipTar unpacks twice, because for 7z the tar stream is an archive within
// an archive.
func sevenZipTar(t *testing.T, path string, want []File) {
	t.Helper()
	outer, inner := t.TempDir(), t.TempDir()
	run(t, outer, "7z", "x", "-y", path)
	found, err := filepath.Glob(filepath.Join(outer, "*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("7z unpacked %q: %v", found, err)
	}
	run(t, inner, "7z", "x", "-y", "-ttar", found[0])
	compareFolder(t, inner, want, true)
}

// python returns the judge of one of Python's readers.
func python(reader string) Judge {
	return Judge{Name: "python " + reader, Program: "python3", Check: func(t *testing.T, path string, want []File) {
		t.Helper()
		compareLines(t, run(t, "", "python3", "-c", pythonJudge, reader, path), want)
	}}
}

// java runs java.util.zip.ZipInputStream, which does not read the central
// directory.
func java(t *testing.T, path string, want []File) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "Judge.java")
	if err := os.WriteFile(program, []byte(javaJudge), 0o644); err != nil {
		t.Fatal(err)
	}
	compareLines(t, run(t, "", "java", program, path), want)
}
