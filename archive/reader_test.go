package archive_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/archive/archivetest"
	"github.com/orgexport/orgexport/archive/xz"
	"github.com/orgexport/orgexport/archive/zstd"
)

// listing is what a Reader says of an archive: name → contents.
func listing(f archive.Format, src io.Reader) (map[string]string, error) {
	r, err := f.NewReader(src, archive.ReadOptions{})
	if err != nil {
		return nil, err
	}
	files := make(map[string]string)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files, r.Close()
		}
		if err != nil {
			return nil, errors.Join(err, r.Close())
		}
		content, err := io.ReadAll(r)
		if err != nil {
			return nil, errors.Join(err, r.Close())
		}
		if int64(len(content)) != h.Size {
			return nil, fmt.Errorf("%s has %d bytes, header says %d", h.Name, len(content), h.Size)
		}
		if !h.Folder {
			files[h.Name] = string(content)
		}
	}
}

// sample is a small archive with a bit of everything.
func sample(t testing.TB, f archive.Format, large bool) ([]byte, map[string]string) {
	t.Helper()
	noise := make([]byte, 3000)
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
	files := map[string]string{
		"top/empty":      "",
		"top/text.yaml":  strings.Repeat("name: tea\n", 50),
		"top/noise.png":  string(noise),
		"top/sub/日本.txt": "not ASCII",
		"top/" + strings.Repeat("long/", 30) + "name": "deep",
	}
	names := []string{"top/empty", "top/text.yaml", "top/noise.png", "top/sub/日本.txt", "top/" + strings.Repeat("long/", 30) + "name"}
	if large {
		names = append(names, "top/large")
		files["top/large"] = strings.Repeat("large ", 1<<19) + string(noise)
	}
	var out bytes.Buffer
	err := f.Join(t.Context(), &out, archive.Options{}, func(j archive.Joiner) error {
		var body, tail bytes.Buffer
		err := f.Pack(t.Context(), &body, &tail, archive.Options{}, func(p archive.Packer) error {
			for _, name := range names {
				_, err := p.Add(t.Context(), archive.Entry{Name: name, ModTime: time.Unix(1782507600, 0)}, strings.NewReader(files[name]))
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		return j.Part(&body, &tail)
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), files
}

func wantFiles(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name, content := range want {
		if got[name] != content {
			t.Errorf("%s has %d bytes, want %d", name, len(got[name]), len(content))
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d files, want %d", len(got), len(want))
	}
}

var formats = []archive.Format{archive.Zip(), archive.TarGz(), xz.TarXz(), zstd.TarZst()}

func TestReadOwn(t *testing.T) {
	for _, f := range formats {
		b, want := sample(t, f, true)
		for _, src := range []io.Reader{bytes.NewReader(b), struct{ io.Reader }{bytes.NewReader(b)}} {
			got, err := listing(f, src)
			if err != nil {
				t.Fatalf("%s: %v", f.Name(), err)
			}
			wantFiles(t, got, want)
		}
	}
}

func TestReadOthers(t *testing.T) {
	b, want := sample(t, archive.TarGz(), true)
	dir := t.TempDir()
	run := func(t *testing.T, stdin []byte, name string, args ...string) {
		t.Helper()
		archivetest.NeedProgram(t, name)
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir = dir
		cmd.Stdin = bytes.NewReader(stdin)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
	run(t, b, "tar", "xz")
	py := `import shutil; shutil.make_archive("py", "%s", ".", "top")`
	for _, c := range []struct {
		file string
		f    archive.Format
		cmd  []string
	}{
		{"a.zip", archive.Zip(), []string{"zip", "-qr", "a.zip", "top"}},
		{"nodir.zip", archive.Zip(), []string{"zip", "-qrD", "nodir.zip", "top"}},
		{"stream.zip", archive.Zip(), []string{"sh", "-c", "zip -qr - top | cat > stream.zip"}},
		{"fd.zip", archive.Zip(), []string{"zip", "-qrfd", "fd.zip", "top"}},
		{"7.zip", archive.Zip(), []string{"7z", "a", "-bd", "-tzip", "7.zip", "top"}},
		{"bsd.zip", archive.Zip(), []string{"bsdtar", "--format", "zip", "-cf", "bsd.zip", "top"}},
		{"py.zip", archive.Zip(), []string{"python3", "-c", fmt.Sprintf(py, "zip")}},
		{"jar.zip", archive.Zip(), []string{"jar", "cMf", "jar.zip", "top"}},
		{"a.tgz", archive.TarGz(), []string{"tar", "czf", "a.tgz", "top"}},
		{"dot.tgz", archive.TarGz(), []string{"tar", "czf", "dot.tgz", "./top"}},
		{"pax.tgz", archive.TarGz(), []string{"tar", "--format", "pax", "-czf", "pax.tgz", "top"}},
		{"bsd.tgz", archive.TarGz(), []string{"bsdtar", "-czf", "bsd.tgz", "top"}},
		{"py.tar.gz", archive.TarGz(), []string{"python3", "-c", fmt.Sprintf(py, "gztar")}},
		{"pigz.tgz", archive.TarGz(), []string{"sh", "-c", "tar c top | pigz > pigz.tgz"}},
		{"cat.tgz", archive.TarGz(), []string{"sh", "-c", "tar c top > t.tar; (head -c 5000 t.tar | gzip; tail -c +5001 t.tar | gzip) > cat.tgz"}},
		{"a.txz", xz.TarXz(), []string{"tar", "cJf", "a.txz", "top"}},
		{"a.tar.zst", zstd.TarZst(), []string{"tar", "--zstd", "-cf", "a.tar.zst", "top"}},
		{"bsd.tar.zst", zstd.TarZst(), []string{"bsdtar", "--zstd", "-cf", "bsd.tar.zst", "top"}},
	} {
		t.Run(c.file, func(t *testing.T) {
			if strings.HasPrefix(c.file, "pigz") { // the shell runs it
				archivetest.NeedProgram(t, "pigz")
			}
			if c.file == "a.tar.zst" { // tar runs it
				archivetest.NeedProgram(t, "zstd")
			}
			run(t, nil, c.cmd[0], c.cmd[1:]...)
			src, err := os.Open(filepath.Join(dir, c.file))
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			got, err := listing(c.f, src)
			if err != nil {
				t.Fatal(err)
			}
			wantFiles(t, got, want)
		})
	}
}

func TestReadCut(t *testing.T) {
	for _, f := range formats {
		b, _ := sample(t, f, false)
		for n := range b {
			if _, err := listing(f, bytes.NewReader(b[:n])); !errors.Is(err, archive.ErrDamaged) {
				t.Fatalf("%s cut at %d of %d: %v, want ErrDamaged", f.Name(), n, len(b), err)
			}
		}
		if _, err := listing(f, bytes.NewReader(append(slices.Clip(b), 0x78))); err == nil {
			t.Errorf("%s with a byte behind it is read", f.Name())
		}
	}
}

// TestReadZipHole has zeros where a file of a zip archive begins, as a download
// leaves that lost a block: no program finds another file there.
func TestReadZipHole(t *testing.T) {
	b, _ := sample(t, archive.Zip(), false)
	for at := 0; ; at++ {
		next := bytes.Index(b[at:], []byte("PK\x03\x04"))
		if next < 0 {
			return
		}
		at += next
		hole := bytes.Clone(b)
		clear(hole[at:min(at+512, len(b))])
		if _, err := listing(archive.Zip(), bytes.NewReader(hole)); !errors.Is(err, archive.ErrDamaged) {
			t.Errorf("hole at %d: %v, want ErrDamaged", at, err)
		}
	}
}

func TestReadFlipped(t *testing.T) {
	for _, f := range formats[:2] {
		b, want := sample(t, f, false)
		quiet := 0
		for bit := 0; bit < 8*len(b); bit += 5 { // package export/verify flips every bit
			b[bit/8] ^= 1 << (bit % 8)
			got, err := listing(f, bytes.NewReader(b))
			if err == nil {
				quiet++
				t.Logf("%s: bit %d of byte %d %x", f.Name(), bit%8, bit/8, b[max(0, bit/8-4):min(bit/8+4, len(b))])
				wantFiles(t, got, want)
			} else if !errors.Is(err, archive.ErrDamaged) && !errors.Is(err, archive.ErrUnsafe) && !errors.Is(err, archive.ErrBomb) {
				t.Errorf("%s, bit %d: %v", f.Name(), bit, err)
			}
			b[bit/8] ^= 1 << (bit % 8)
		}
		t.Logf("%s: %d of %d flips change nothing", f.Name(), quiet, 8*len(b))
	}
}

// TestReadStoredZip has a zip file as an asset right before the directory,
// whose own end record must not be taken for another of the archive.
func TestReadStoredZip(t *testing.T) {
	f := archive.Zip()
	inner, _ := sample(t, f, false)
	var out bytes.Buffer
	err := f.Join(t.Context(), &out, archive.Options{}, func(j archive.Joiner) error {
		var body, tail bytes.Buffer
		err := f.Pack(t.Context(), &body, &tail, archive.Options{}, func(p archive.Packer) error {
			_, err := p.Add(t.Context(), archive.Entry{Name: "top/inner.zip"}, bytes.NewReader(inner[len(inner)-22:]))
			return err
		})
		if err != nil {
			return err
		}
		return j.Part(&body, &tail)
	})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(out.Bytes()[:out.Len()-22], inner[len(inner)-22:]) {
		t.Fatal("the asset is not stored")
	}
	got, err := listing(f, bytes.NewReader(out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	wantFiles(t, got, map[string]string{"top/inner.zip": string(inner[len(inner)-22:])})
}

// TestReadStops closes readers before their end: nothing reads the source
// after that.
func TestReadStops(t *testing.T) {
	for _, f := range formats {
		b, _ := sample(t, f, true)
		src := iotest.OneByteReader(bytes.NewReader(b))
		for n := range 3 {
			r, err := f.NewReader(src, archive.ReadOptions{})
			if err != nil {
				if n == 0 {
					t.Fatal(err)
				}
				break
			}
			for range n {
				if _, err := r.Next(); err != nil {
					t.Fatal(err)
				}
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			src = iotest.OneByteReader(bytes.NewReader(b))
		}
	}
}

func TestReadSourceFails(t *testing.T) {
	boom := errors.New("boom")
	for _, f := range formats {
		b, _ := sample(t, f, true)
		step := 971
		if archivetest.Long() {
			step = 97
		}
		for n := 0; n < len(b); n += step {
			src := io.MultiReader(bytes.NewReader(b[:n]), iotest.ErrReader(boom))
			if _, err := listing(f, src); !errors.Is(err, boom) {
				t.Fatalf("%s, source fails at %d of %d: %v", f.Name(), n, len(b), err)
			}
		}
	}
}

func TestReadLimits(t *testing.T) {
	for _, f := range formats {
		b, want := sample(t, f, true)
		total := int64(0)
		for _, content := range want {
			total += int64(len(content))
		}
		for _, c := range []struct {
			o   archive.ReadOptions
			bad bool
		}{
			{archive.ReadOptions{MaxBytes: -1, MaxFiles: -1, MaxRatio: -1}, false},
			{archive.ReadOptions{MaxFiles: int64(len(want))}, false},
			{archive.ReadOptions{MaxFiles: int64(len(want)) - 1}, true},
			{archive.ReadOptions{MaxBytes: total + 1<<20}, false}, // headers count in tar
			{archive.ReadOptions{MaxBytes: total - 1}, true},
		} {
			r, err := f.NewReader(bytes.NewReader(b), c.o)
			for err == nil {
				_, err = r.Next()
			}
			if c.bad != errors.Is(err, archive.ErrBomb) || !c.bad && !errors.Is(err, io.EOF) {
				t.Errorf("%s, %+v: %v", f.Name(), c.o, err)
			}
		}
	}
}
