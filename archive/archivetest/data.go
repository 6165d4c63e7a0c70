package archivetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive"
)

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
)

// modified is an odd second, which a format of even seconds would not keep.
var modified = time.Date(2026, 6, 26, 21, 0, 1, 0, time.UTC)

// item is a file to pack.
type item struct {
	name    string
	modTime time.Time
	content []byte
}

func newItem(name string, content []byte) item { return item{name, modified, content} }

func (i item) entry() archive.Entry { return archive.Entry{Name: i.name, ModTime: i.modTime} }

// file returns what must be found in the archive.
func (i item) file() File {
	return File{
		Name:    i.name,
		Size:    int64(len(i.content)),
		SHA256:  sha256.Sum256(i.content),
		ModTime: i.modTime.UTC().Truncate(time.Second),
	}
}

func files(items []item) []File {
	var list []File
	for _, i := range items {
		list = append(list, i.file())
	}
	return list
}

// text returns n bytes of lines that pack well, but not too well.
func text(n int, seed uint64) []byte {
	random := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, 0, n+100)
	for id := 0; len(b) < n; id++ {
		b = fmt.Appendf(b, "id: %d\nname: product %x\nprice: %d.50\n", id, random.Uint32(), random.IntN(1000))
	}
	return b[:n]
}

// noise returns n bytes that do not pack.
func noise(n int, seed uint64) []byte {
	b := make([]byte, n)
	source := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	_, _ = source.Read(b) // never fails
	return b
}

// mixed returns n bytes: text, then noise, then text.
func mixed(n int, seed uint64) []byte {
	return slices.Concat(text(n/4, seed), noise(n-n/4-n/8, seed), text(n/8, seed+1))
}

// repeated returns n bytes that pack to almost nothing.
func repeated(n int) []byte {
	line := []byte("all work and no play makes a dull test\n")
	return bytes.Repeat(line, n/len(line)+1)[:n]
}

// large returns n bytes that even a slow format packs soon.
func (k *kit) large(n int) []byte {
	if k.Slow {
		return repeated(n)
	}
	return mixed(n, uint64(n))
}

// part is a finished part.
type part struct{ body, tail []byte }

// pack makes a part of items and checks what Add returns.
func (k *kit) pack(t testing.TB, items ...item) part {
	t.Helper()
	p, err := k.tryPack(t.Context(), k.options(), func(p archive.Packer) error {
		return addAll(t.Context(), p, items)
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (k *kit) tryPack(ctx context.Context, o archive.Options, fn func(archive.Packer) error) (part, error) {
	var body, tail bytes.Buffer
	err := k.Format.Pack(ctx, &body, &tail, o, fn)
	return part{body.Bytes(), tail.Bytes()}, err
}

func addAll(ctx context.Context, p archive.Packer, items []item) error {
	for _, i := range items {
		if err := add(ctx, p, i); err != nil {
			return err
		}
	}
	return nil
}

func add(ctx context.Context, p archive.Packer, i item) error {
	got, err := p.Add(ctx, i.entry(), bytes.NewReader(i.content))
	if err != nil {
		return err
	}
	want := archive.File{Name: i.name, Size: int64(len(i.content)), SHA256: sha256.Sum256(i.content)}
	if got != want {
		return fmt.Errorf("Add returned %v, want %v", got, want)
	}
	return nil
}

// join makes an archive of parts.
func (k *kit) join(t testing.TB, parts ...part) []byte {
	t.Helper()
	b, err := k.tryJoin(t.Context(), parts...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (k *kit) tryJoin(ctx context.Context, parts ...part) ([]byte, error) {
	var b bytes.Buffer
	err := k.Format.Join(ctx, &b, k.options(), joinAll(parts))
	return b.Bytes(), err
}

func joinAll(parts []part) func(archive.Joiner) error {
	return func(j archive.Joiner) error {
		for _, p := range parts {
			if err := j.Part(bytes.NewReader(p.body), bytes.NewReader(p.tail)); err != nil {
				return err
			}
		}
		return nil
	}
}

// check reads an archive twice, with Extract and with the format's own Reader,
// and compares its files with those wanted.
func (k *kit) check(t testing.TB, a []byte, want ...item) {
	t.Helper()
	k.checkFiles(t, bytes.NewReader(a), int64(len(a)), files(want))
}

func (k *kit) checkFiles(t testing.TB, a io.ReaderAt, size int64, want []File) {
	t.Helper()
	got, err := k.Extract(io.NewSectionReader(a, 0, size))
	if err != nil {
		t.Fatal(err)
	}
	compare(t, got, want)
	got, err = k.readOwn(io.NewSectionReader(a, 0, size))
	if err != nil {
		t.Fatalf("own reader: %v", err)
	}
	compare(t, got, want)
}

func byName(a, b File) int { return strings.Compare(a.Name, b.Name) }

// compare fails unless got is want, in the same order. A zero time in got is not
// compared.
func compare(t testing.TB, got, want []File) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		g, w := got[i], want[i]
		switch {
		case g.Name != w.Name:
			t.Fatalf("file %d is %q, want %q", i, g.Name, w.Name)
		case g.Size != w.Size || g.SHA256 != w.SHA256:
			t.Fatalf("%q has %d bytes %x, want %d bytes %x", g.Name, g.Size, g.SHA256, w.Size, w.SHA256)
		case !g.ModTime.IsZero() && !g.ModTime.Equal(w.ModTime):
			t.Fatalf("%q is of %v, want %v", g.Name, g.ModTime, w.ModTime)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d files, want %d", len(got), len(want))
	}
}

// same fails unless two archives or parts are equal.
func same(t testing.TB, what string, got, want []byte) {
	t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	t.Fatalf("%s differs from byte %d (%d bytes, want %d)", what, at, len(got), len(want))
}

func sameParts(t testing.TB, what string, got, want part) {
	t.Helper()
	same(t, what+": body", got.body, want.body)
	same(t, what+": tail", got.tail, want.tail)
}
