package archivetest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/orgexport/orgexport/archive"
)

// testManyFiles packs more than the 65,535 files that 16 bits can count.
func testManyFiles(t *testing.T, k *kit) {
	n := 70_000
	if k.Slow {
		n = 2_000
	}
	var items []item
	for i := range n {
		var content []byte
		if i%50 == 0 {
			content = fmt.Appendf(nil, "%d\n", i)
		}
		items = append(items, newItem(fmt.Sprintf("%02d/%d", i%100, i), content))
	}
	a := k.join(t, k.pack(t, items[:n/2]...), k.pack(t, items[n/2:]...))
	k.check(t, a, items...)
	if Long() {
		path := k.write(t, func(w io.Writer) error {
			_, err := w.Write(a)
			return err
		})
		k.judge(t, path, files(items))
	}
}

// testHuge joins pieces to a file of over 4 GiB, which is too large for a field of zip. It packs a
// file of over 8 GiB, which is too large for a field of tar, and then more than 4 GiB that do not
// shrink. The file behind those has an offset that is too large for a field of zip.
func testHuge(t *testing.T, k *kit) {
	needLong(t)
	zeros, random := make([]byte, 64*mib), noise(64*mib, 1)
	times := [2]int{133, 65}
	if k.Slow {
		times = [2]int{65, 1}
	}
	var want []File
	add := func(p archive.Packer, name string, r io.Reader) error {
		digest := sha256.New()
		f, err := p.Add(t.Context(), newItem(name, nil).entry(), io.TeeReader(r, digest))
		w := File{Name: name, Size: f.Size, ModTime: modified}
		digest.Sum(w.SHA256[:0])
		want = append(want, w)
		return err
	}
	folder := t.TempDir()
	var paths []string
	for n, block := range [][]byte{zeros, random} {
		path := filepath.Join(folder, fmt.Sprint(n))
		k.writePart(t, path, func(p archive.Packer) error {
			if err := add(p, fmt.Sprintf("%d/huge", n), repeat(block, times[n])); err != nil {
				return err
			}
			return add(p, fmt.Sprintf("%d/behind", n), bytes.NewReader(text(3000, 1)))
		})
		paths = append(paths, path)
	}
	pieced := k.hugePieced(t, zeros, 65)
	want = slices.Insert(want, 0, pieced.file)
	path := k.write(t, func(w io.Writer) error {
		return k.Format.Join(t.Context(), w, k.options(), func(j archive.Joiner) error {
			if _, err := j.File(newItem(pieced.file.Name, nil).entry(), pieced.sources); err != nil {
				return err
			}
			for _, p := range paths {
				if err := joinFile(j, p); err != nil {
					return err
				}
			}
			return nil
		})
	})
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	k.checkFiles(t, f, info.Size(), want)
	k.judge(t, path, want)
}

// hugePieced returns a file that has the same piece many times.
func (k *kit) hugePieced(t *testing.T, content []byte, times int) (f struct {
	file    File
	sources []archive.PieceSource
}) {
	t.Helper()
	p, digest := k.packPiece(t, content), sha256.New()
	for range times {
		digest.Write(content)
		f.sources = append(f.sources, p.source(""))
	}
	f.file = File{Name: "pieces", Size: int64(times) * int64(len(content)), ModTime: modified}
	digest.Sum(f.file.SHA256[:0])
	return f
}

// writePart packs a part into two files, path.body and path.tail.
func (k *kit) writePart(t *testing.T, path string, fn func(archive.Packer) error) {
	t.Helper()
	body, err := os.Create(path + ".body")
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	tail, err := os.Create(path + ".tail")
	if err != nil {
		t.Fatal(err)
	}
	defer tail.Close()
	if err := k.Format.Pack(t.Context(), body, tail, k.options(), fn); err != nil {
		t.Fatal(err)
	}
}

// joinFile joins a part that writePart has written.
func joinFile(j archive.Joiner, path string) error {
	body, err := os.Open(path + ".body")
	if err != nil {
		return err
	}
	defer body.Close()
	tail, err := os.Open(path + ".tail")
	if err != nil {
		return err
	}
	defer tail.Close()
	return j.Part(body, tail)
}

// write writes an archive to a file and returns its path.
func (k *kit) write(t *testing.T, fn func(io.Writer) error) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "archive."+k.Format.Extension())
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := fn(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}
