package archive

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestZip64 joins parts with a stored file of more than 4 GiB of zeros. The
// archive goes to a file with a hole in it, so that all of it can be read in
// seconds.
func TestZip64(t *testing.T) {
	const size = 4<<30 + 12345
	huge, small := zerosPart(t, size), "behind four gigabytes"
	var body, tail bytes.Buffer
	if err := Zip().Pack(t.Context(), &body, &tail, Options{}, func(p Packer) error {
		_, err := p.Add(t.Context(), Entry{Name: "small", ModTime: time.Unix(0, 0)}, strings.NewReader(small))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "huge.zip")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	holes := &holeWriter{f: out}
	if err := Zip().Join(t.Context(), holes, Options{}, func(j Joiner) error {
		if err := j.Part(io.MultiReader(bytes.NewReader(huge.head), io.LimitReader(zeroReader{}, size)), bytes.NewReader(huge.tail)); err != nil {
			return err
		}
		return j.Part(&body, &tail)
	}); err != nil {
		t.Fatal(err)
	}

	z, err := zip.NewReader(out, holes.size)
	if err != nil {
		t.Fatal(err)
	}
	first, second := z.File[0], z.File[1]
	if first.UncompressedSize64 != size || first.CompressedSize64 != size || first.CRC32 != zerosCRC(size) {
		t.Errorf("first file has %d of %d bytes, CRC-32 %08x", first.CompressedSize64, first.UncompressedSize64, first.CRC32)
	}
	if at, err := second.DataOffset(); at < size || err != nil {
		t.Errorf("second file is at %d, %v", at, err)
	}
	r, err := second.Open()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); string(got) != small || err != nil {
		t.Errorf("second file is %q, %v", got, err)
	}
	readBehind(t, io.NewSectionReader(holes, 0, holes.size), small)
	for _, judge := range [][]string{
		{"unzip", "-p", path, "small"},
		{"7z", "x", "-so", path, "small"},
		{"python3", "-c", "import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read('small'))", path},
	} {
		if _, err := exec.LookPath(judge[0]); err != nil && os.Getenv("REQUIRE_TOOLS") != "1" {
			t.Logf("%s is not installed", judge[0])
			continue
		}
		got, err := exec.CommandContext(t.Context(), judge[0], judge[1:]...).Output()
		if string(got) != small || err != nil {
			t.Errorf("%s reads %q, %v", judge[0], got, err)
		}
	}
}

// readBehind reads all of a huge archive with the Reader. The entry of a file
// behind 4 GiB needs zip64 in the directory only.
func readBehind(t *testing.T, src *io.SectionReader, want string) {
	t.Helper()
	r, err := Zip().NewReader(src, ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, name := range []string{"huge", "small"} {
		h, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if h.Name != name {
			t.Errorf("read %q, want %q", h.Name, name)
		}
	}
	if got, err := io.ReadAll(r); string(got) != want || err != nil {
		t.Errorf("behind 4 GiB is %q, %v", got, err)
	}
	if h, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("behind the last file: %v, %v", h, err)
	}
}

// zerosPart makes the part of a stored file of n zeros, without the zeros.
func zerosPart(t *testing.T, n int64) (part struct{ head, tail []byte }) {
	t.Helper()
	w := newPartWriter(io.Discard, t.TempDir())
	l := zipLayout{packer: &packer{part: w}}
	h := newZipHeader(Entry{Name: "huge", ModTime: time.Unix(0, 0)}, methodStore, zerosCRC(n), n, n)
	part.head = h.local()
	if err := l.write(h, func() error {
		_, err := io.Copy(w, io.LimitReader(zeroReader{}, n))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	var tail bytes.Buffer
	if err := w.writeTail(&tail, partMagic, Zip().Name()); err != nil {
		t.Fatal(err)
	}
	part.tail = tail.Bytes()
	return part
}

// zeroReader gives zeros for ever.
type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// zerosCRC is the CRC-32 of n zeros: a check sum is inverted before and
// behind, and in between zeros only multiply.
func zerosCRC(n int64) uint32 { return ^multiplyCRC(math.MaxUint32, powerCRC(n)) }

// holeWriter leaves out long runs of zeros, in a file and in memory.
type holeWriter struct {
	f    *os.File
	size int64
	kept []keptBytes
}

type keptBytes struct {
	at    int64
	bytes []byte
}

var noBytes [64 << 10]byte

func (h *holeWriter) Write(p []byte) (int, error) {
	if len(p) < 4096 || len(p) > len(noBytes) || !bytes.Equal(p, noBytes[:len(p)]) {
		if _, err := h.f.WriteAt(p, h.size); err != nil {
			return 0, err
		}
		h.kept = append(h.kept, keptBytes{h.size, bytes.Clone(p)})
	}
	h.size += int64(len(p))
	return len(p), nil
}

// ReadAt reads from memory, where a hole costs nothing.
func (h *holeWriter) ReadAt(p []byte, off int64) (int, error) {
	n := int(max(0, min(int64(len(p)), h.size-off)))
	clear(p[:n])
	for _, k := range h.kept {
		from := max(k.at, off)
		if to := min(k.at+int64(len(k.bytes)), off+int64(n)); from < to {
			copy(p[from-off:to-off], k.bytes[from-k.at:])
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
