package archivetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/orgexport/orgexport/archive"
)

// piece is a packed piece of a file.
type piece struct {
	part
	piece archive.Piece
}

// packPiece packs a piece and checks what PackPiece returns.
func (k *kit) packPiece(t testing.TB, content []byte) piece {
	t.Helper()
	p, err := k.tryPackPiece(t.Context(), k.options(), bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	want := archive.Piece{Size: int64(len(content)), Packed: int64(len(p.body)), CRC32: crc32.ChecksumIEEE(content)}
	if p.piece != want {
		t.Fatalf("PackPiece returned %+v, want %+v", p.piece, want)
	}
	return p
}

func (k *kit) tryPackPiece(ctx context.Context, o archive.Options, r io.Reader) (p piece, err error) {
	var body, tail bytes.Buffer
	p.piece, err = k.Format.PackPiece(ctx, &body, &tail, o, r)
	p.part = part{body.Bytes(), tail.Bytes()}
	return p, err
}

// source returns what a file goes on with.
func (p piece) source(text string) archive.PieceSource {
	return archive.PieceSource{Text: []byte(text), Piece: p.piece, Open: func() (body, tail io.Reader, done func(), err error) {
		return bytes.NewReader(p.body), bytes.NewReader(p.tail), nil, nil
	}}
}

// pieced is a file of pieces.
type pieced struct {
	item
	sources []archive.PieceSource
}

// add adds a piece behind a text.
func (f *pieced) add(text string, p piece, content []byte) {
	f.content = slices.Concat(f.content, []byte(text), content)
	f.sources = append(f.sources, p.source(text))
}

// addText adds bytes that are in no piece.
func (f *pieced) addText(text string) {
	f.content = append(slices.Clip(f.content), text...)
	f.sources = append(f.sources, archive.PieceSource{Text: []byte(text)})
}

// newPieced makes a file of pieces, with texts around them as in a list of JSON.
func (k *kit) newPieced(t testing.TB, name string, contents ...[]byte) *pieced {
	t.Helper()
	f, text := &pieced{item: newItem(name, nil)}, "[\n"
	for _, c := range contents {
		f.add(text, k.packPiece(t, c), c)
		text = ",\n"
	}
	f.addText("\n]\n")
	return f
}

// join appends the file and checks what File returns.
func (f *pieced) join(j archive.Joiner) error {
	got, err := j.File(f.entry(), f.sources)
	if err != nil {
		return err
	}
	if want := (archive.File{Name: f.name, Size: int64(len(f.content)), SHA256: sha256.Sum256(f.content)}); got != want {
		return fmt.Errorf("File returned %v, want %v", got, want)
	}
	return nil
}

// joinPieces makes an archive of parts and files of pieces, and returns what is in it.
func (k *kit) joinPieces(t testing.TB, list ...any) ([]byte, []item) {
	t.Helper()
	var b bytes.Buffer
	var all []item
	err := k.Format.Join(t.Context(), &b, k.options(), func(j archive.Joiner) error {
		for _, next := range list {
			var err error
			switch next := next.(type) {
			case *pieced:
				all = append(all, next.item)
				err = next.join(j)
			case item:
				all = append(all, next)
				err = joinAll([]part{k.pack(t, next)})(j)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), all
}

// pieceSizes are those around the border of a segment.
func (k *kit) pieceSizes() []int {
	if k.Slow {
		return []int{0, 1, k.Segment - 1, k.Segment, k.Segment + 1}
	}
	return []int{0, 1, k.Segment - 1, k.Segment, k.Segment + 1, 4 * k.Segment}
}

// severalPieced returns files of pieces of all kinds and files in parts between them.
func (k *kit) severalPieced(t testing.TB) []any {
	t.Helper()
	kinds := map[string]func(n int) []byte{"repeated": repeated}
	if !k.Slow {
		kinds["text"] = func(n int) []byte { return text(n, 1) }
		kinds["noise"] = func(n int) []byte { return noise(n, 1) }
		kinds["mixed"] = func(n int) []byte { return mixed(n, 1) }
	}
	list := []any{newItem("first.yaml", text(300, 1))}
	var all [][]byte
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		var contents [][]byte
		for _, n := range k.pieceSizes() {
			contents = append(contents, kinds[name](n))
		}
		all = append(all, contents...)
		list = append(list, k.newPieced(t, "pieces/"+name+".json", contents...), newItem("between/"+name+".yaml", text(700, 1)))
	}
	bare := &pieced{item: newItem("pieces/bare.ndjson", nil)}
	for _, c := range all {
		bare.add("", k.packPiece(t, c), c)
	}
	onlyText := &pieced{item: newItem("pieces/text.csv", nil)}
	onlyText.addText("id,name\n")
	long := &pieced{item: newItem("pieces/long text", nil)}
	long.addText(string(repeated(k.Segment + 100)))
	long.add(string(repeated(k.Segment)), k.packPiece(t, []byte("x")), []byte("x"))
	none, empty := &pieced{item: newItem("pieces/none", nil)}, &pieced{item: newItem("pieces/empty", nil)}
	for range 3 {
		empty.add("", k.packPiece(t, nil), nil)
	}
	name := newItem("pieces/商品/"+string(bytes.Repeat([]byte("long/"), 60))+"name.txt", nil)
	one := &pieced{item: name}
	one.add("", k.packPiece(t, text(5000, 2)), text(5000, 2))
	return append(list, bare, onlyText, long, none, empty, newItem("behind.yaml", nil), one)
}

func testPieces(t *testing.T, k *kit) {
	list := k.severalPieced(t)
	a, items := k.joinPieces(t, list...)
	k.check(t, a, items...)
	for _, one := range list { // alone, too
		a, items := k.joinPieces(t, one)
		k.check(t, a, items...)
	}
}

// testEqualPieces packs pieces with other pools, from other readers and at the same time: bodies,
// tails and archives must be equal.
func testEqualPieces(t *testing.T, k *kit) {
	content := k.large(2*k.Segment + 300)
	want := k.packPiece(t, content)
	options := map[string]archive.Options{
		"one packer": {Pool: archive.NewPool(1)},
		"8 packers":  {Pool: archive.NewPool(8)},
	}
	if !k.Slow {
		options["the same"], options["zero options"] = k.options(), archive.Options{}
	}
	for name, o := range options {
		got, err := k.tryPackPiece(t.Context(), o, iotest.HalfReader(bytes.NewReader(content)))
		if err != nil {
			t.Fatal(err)
		}
		sameParts(t, name, got.part, want.part)
	}
	var running sync.WaitGroup
	got, errs := make([]piece, 3), make([]error, 3)
	for n := range got {
		running.Go(func() { got[n], errs[n] = k.tryPackPiece(t.Context(), k.options(), bytes.NewReader(content)) })
	}
	running.Wait()
	for n := range got {
		if errs[n] != nil {
			t.Fatal(errs[n])
		}
		sameParts(t, "packed at the same time", got[n].part, want.part)
	}
	archives := make([][]byte, 2)
	for n := range archives {
		f := &pieced{item: newItem("file", nil)}
		f.add("[", got[n], content)
		f.add(",", got[n+1], content)
		archives[n], _ = k.joinPieces(t, f)
	}
	same(t, "archive", archives[1], archives[0])
}

// testOpenPieces counts the pieces that are open: one at most, and none when File returns, however
// it does.
func testOpenPieces(t *testing.T, k *kit) {
	content := k.large(k.Segment + 100)
	p := k.packPiece(t, content)
	open := 0
	opens := func(body io.Reader, err error) archive.PieceSource {
		s := p.source("text")
		s.Open = func() (io.Reader, io.Reader, func(), error) {
			if err != nil {
				return nil, nil, nil, err
			}
			if open++; open > 1 {
				t.Errorf("%d pieces are open", open)
			}
			return body, bytes.NewReader(p.tail), func() { open-- }, nil
		}
		return s
	}
	good := func() archive.PieceSource { return opens(iotest.OneByteReader(bytes.NewReader(p.body)), nil) }
	join := func(sources ...archive.PieceSource) error {
		return k.Format.Join(t.Context(), io.Discard, k.options(), func(j archive.Joiner) error {
			_, err := j.File(newItem("file", nil).entry(), sources)
			return err
		})
	}
	if err := join(good(), good(), good()); err != nil {
		t.Error(err)
	}
	broken := io.MultiReader(bytes.NewReader(p.body[:len(p.body)-1]), iotest.ErrReader(errInjected))
	if err := join(good(), opens(broken, nil), good()); !errors.Is(err, errInjected) || errors.Is(err, archive.ErrPart) {
		t.Errorf("a body that fails: %v", err)
	}
	if err := join(good(), opens(nil, errInjected), good()); !errors.Is(err, errInjected) || errors.Is(err, archive.ErrPart) {
		t.Errorf("Open that fails: %v", err)
	}
	if caught := catch(func() { _ = join(good(), opens(panics{}, nil)) }); caught != any(errInjected) {
		t.Errorf("a body that panics: panic of %v", caught)
	}
	if err := join(good(), opens(bytes.NewReader(p.body[1:]), nil)); !errors.Is(err, archive.ErrPart) {
		t.Errorf("a piece that is cut: %v", err)
	}
	if open != 0 {
		t.Errorf("%d pieces are open", open)
	}
}

// testInvalidPieced joins files whose names are not allowed, and looks that nothing follows them.
func testInvalidPieced(t *testing.T, k *kit) {
	for _, name := range []string{"", ".", "/a", "../a", "a\x00b"} {
		var second error
		err := k.Format.Join(t.Context(), io.Discard, k.options(), func(j archive.Joiner) error {
			_, _ = j.File(archive.Entry{Name: name, ModTime: modified}, nil)
			_, second = j.File(newItem("good", nil).entry(), nil)
			return nil
		})
		if !errors.Is(err, fs.ErrInvalid) || !errors.Is(second, fs.ErrInvalid) {
			t.Errorf("name %q: %v, then %v", name, err, second)
		}
	}
}

// testLongPiece packs and joins pieces of many segments. The heap must not grow with them.
func testLongPiece(t *testing.T, k *kit) {
	line, times := repeated(mib), 96
	if k.Slow {
		times = 3
	}
	runtime.GC()
	start := heap()
	r := &meter{r: repeat(line, times)}
	p, err := k.tryPackPiece(t.Context(), k.options(), r)
	if err != nil {
		t.Fatal(err)
	}
	digest, sources := sha256.New(), make([]archive.PieceSource, 2)
	for i := range sources {
		sources[i] = p.source("")
		sources[i].Open = func() (io.Reader, io.Reader, func(), error) {
			r.r = iotest.HalfReader(bytes.NewReader(p.body))
			return r, bytes.NewReader(p.tail), nil, nil
		}
		_, _ = io.Copy(digest, repeat(line, times))
	}
	var f archive.File
	if err := k.Format.Join(t.Context(), io.Discard, k.options(), func(j archive.Joiner) (err error) {
		f, err = j.File(newItem("long", nil).entry(), sources)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if want := int64(2*times) * mib; f.Size != want || !bytes.Equal(f.SHA256[:], digest.Sum(nil)) {
		t.Errorf("File returned %v, want %d bytes, %x", f, want, digest.Sum(nil))
	}
	if grown := int64(r.peak) - int64(start); !k.Slow && grown > 64*mib {
		t.Errorf("the heap grew by %d MiB", grown/mib)
	}
}
