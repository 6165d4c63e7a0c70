package verify_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/archive/xz"
	"github.com/orgexport/orgexport/archive/zstd"
)

// TestOtherPrograms packs the unpacked folder with other programs: the order
// of files, folders, attributes and extra fields are theirs.
func TestOtherPrograms(t *testing.T) {
	need(t, "tar", "sha256sum")
	dir := t.TempDir()
	run(t, dir, large(t, archive.TarGz()), "tar", "-xz")
	run(t, filepath.Join(dir, top), nil, "sha256sum", "--quiet", "-c", "SHA256SUMS")
	python := func(format string) []string {
		return []string{"python3", "-c", `import shutil; shutil.make_archive("py", "` + format + `", ".", "` + top + `")`}
	}
	for _, c := range []struct {
		file    string
		f       archive.Format
		program []string
	}{
		{"a.zip", archive.Zip(), []string{"zip", "-qr", "a.zip", top}},
		{"nofolders.zip", archive.Zip(), []string{"zip", "-qrD", "nofolders.zip", top}},
		{"descriptors.zip", archive.Zip(), []string{"zip", "-qrfd", "descriptors.zip", top}},
		{"piped.zip", archive.Zip(), []string{"sh", "-c", "zip -qr - " + top + " | cat > piped.zip"}},
		{"stored.zip", archive.Zip(), []string{"zip", "-q0r", "stored.zip", top}},
		{"best.zip", archive.Zip(), []string{"zip", "-q9rX", "best.zip", top}},
		{"posix.zip", archive.Zip(), []string{"sh", "-c", "LC_ALL=C zip -qr posix.zip " + top}},
		{"zip64.zip", archive.Zip(), []string{"zip", "-qr", "-fz", "zip64.zip", top}},
		{"7z.zip", archive.Zip(), []string{"7z", "a", "-bd", "-bso0", "-tzip", "7z.zip", top}},
		{"bsd.zip", archive.Zip(), []string{"bsdtar", "--format", "zip", "-cf", "bsd.zip", top}},
		{"py.zip", archive.Zip(), python("zip")},
		{"jar.zip", archive.Zip(), []string{"jar", "cMf", "jar.zip", top}},
		{"a.tar.gz", archive.TarGz(), []string{"tar", "-czf", "a.tar.gz", top}},
		{"dot.tar.gz", archive.TarGz(), []string{"tar", "-czf", "dot.tar.gz", "./" + top}},
		{"posix.tar.gz", archive.TarGz(), []string{"tar", "--format", "posix", "-czf", "posix.tar.gz", top}},
		{"v7.tar.gz", archive.TarGz(), []string{"tar", "--format", "v7", "-czf", "v7.tar.gz", top}},
		{"bsd.tar.gz", archive.TarGz(), []string{"bsdtar", "-czf", "bsd.tar.gz", top}},
		{"py.tar.gz", archive.TarGz(), python("gztar")},
		{"pigz.tar.gz", archive.TarGz(), []string{"sh", "-c", "tar -c " + top + " | pigz > pigz.tar.gz"}},
		{"7z.tar.gz", archive.TarGz(), []string{"sh", "-c", "7z a -bd -bso0 -ttar 7z.tar " + top + " && 7z a -bd -bso0 -tgzip 7z.tar.gz 7z.tar"}},
		{"a.tar.xz", xz.TarXz(), []string{"tar", "-cJf", "a.tar.xz", top}},
		{"py.tar.xz", xz.TarXz(), python("xztar")},
		{"a.tar.zst", zstd.TarZst(), []string{"tar", "--zstd", "-cf", "a.tar.zst", top}},
		{"pzstd.tar.zst", zstd.TarZst(), []string{"sh", "-c", "tar -c " + top + " | pzstd > pzstd.tar.zst"}},
	} {
		t.Run(c.file, func(t *testing.T) {
			need(t, c.program[0])
			if c.file == "pigz.tar.gz" {
				need(t, "pigz")
			}
			if c.file == "a.tar.zst" {
				need(t, "zstd")
			}
			if c.file == "pzstd.tar.zst" {
				need(t, "pzstd")
			}
			if c.file == "7z.tar.gz" {
				need(t, "7z")
			}
			run(t, dir, nil, c.program[0], c.program[1:]...)
			src, err := os.Open(filepath.Join(dir, c.file))
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			if r := checkWith(t, c.f, src, archive.ReadOptions{Scratch: t.TempDir()}); !r.Whole() || r.Folder != top {
				t.Errorf("not whole: %+v", r.Findings)
			}
		})
	}
}
