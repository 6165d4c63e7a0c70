package archivetest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// goldenItems returns a bit of everything. Packed it has less than 50 KiB.
func goldenItems() []item {
	block := text(9*kib, 1)
	large := bytes.Repeat(block, 2*mib/len(block)+1)
	return []item{
		newItem("empty", nil),
		newItem("organization/organization.yaml", []byte("name: Acme\n")),
		newItem("products/café/商品 😀.ndjson", text(4*kib, 2)),
		newItem("products/photo.jpg", noise(2*kib, 1)),
		newItem("products/"+strings.Repeat("long/", 60)+"name.txt", []byte("long\n")),
		newItem("products/all.yaml", large),
		{"odd second", time.Date(2031, 12, 31, 23, 59, 59, 1, time.UTC), []byte("x")},
		newItem("products/log.txt", bytes.Repeat(block, 20)),
	}
}

const (
	goldenBody     = "part.body"
	goldenTail     = "part.tail"
	goldenContents = "contents.txt"

	goldenPieceBody     = "piece.body"
	goldenPieceTail     = "piece.tail"
	goldenPieceContents = "piece.txt"
)

// testGolden joins a part that an earlier build has made, and packs it again.
func testGolden(t *testing.T, k *kit) {
	if k.Golden == "" {
		t.Skip("no golden part")
	}
	now := k.pack(t, goldenItems()...)
	k.writeGolden(t, map[string][]byte{
		goldenBody:     now.body,
		goldenTail:     now.tail,
		goldenContents: contents(k.join(t, now), files(goldenItems())),
	})
	golden := part{k.readGolden(t, goldenBody), k.readGolden(t, goldenTail)}
	if n := len(golden.body) + len(golden.tail); n > 50*kib {
		t.Errorf("golden part has %d bytes", n)
	}
	a := k.join(t, golden)
	k.check(t, a, goldenItems()...)
	if got, want := contents(a, files(goldenItems())), k.readGolden(t, goldenContents); !bytes.Equal(got, want) {
		t.Errorf("the archive of the golden part has changed:\n%s\nwant\n%s", got, want)
	}
	k.sameGolden(t, now, golden)
}

// testGoldenPiece does the same with a piece.
func testGoldenPiece(t *testing.T, k *kit) {
	if k.Golden == "" {
		t.Skip("no golden piece")
	}
	content := slices.Concat(goldenItems()[5].content, noise(2*kib, 1))
	now := k.packPiece(t, content)
	join := func(p part) ([]byte, []item) {
		f := &pieced{item: newItem("products.ndjson", nil)}
		f.add("", piece{p, now.piece}, content)
		f.addText("\n")
		return k.joinPieces(t, f)
	}
	a, items := join(now.part)
	k.writeGolden(t, map[string][]byte{
		goldenPieceBody:     now.body,
		goldenPieceTail:     now.tail,
		goldenPieceContents: contents(a, files(items)),
	})
	golden := part{k.readGolden(t, goldenPieceBody), k.readGolden(t, goldenPieceTail)}
	a, items = join(golden)
	k.check(t, a, items...)
	if got, want := contents(a, files(items)), k.readGolden(t, goldenPieceContents); !bytes.Equal(got, want) {
		t.Errorf("the archive of the golden piece has changed:\n%s\nwant\n%s", got, want)
	}
	k.sameGolden(t, now.part, golden)
}

func (k *kit) sameGolden(t *testing.T, now, golden part) {
	t.Helper()
	if !bytes.Equal(now.body, golden.body) || !bytes.Equal(now.tail, golden.tail) {
		t.Error("the bytes of a part or a piece have changed, by this code or its codec. " +
			"If that is intended: raise partVersion in package archive, so that older ones are refused, and run with -update.")
	}
}

func (k *kit) readGolden(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(k.Golden, name))
	if err != nil {
		t.Fatalf("%v (-update makes it)", err)
	}
	return b
}

// writeGolden writes files if the test flag -update is set.
func (k *kit) writeGolden(t *testing.T, files map[string][]byte) {
	t.Helper()
	if update.String() != "true" {
		return
	}
	if err := os.MkdirAll(k.Golden, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(k.Golden, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// contents returns the text about an archive that is compared: a line for the
// archive and one for each file.
func contents(a []byte, list []File) []byte {
	lines := []string{fmt.Sprintf("%x archive", sha256.Sum256(a))}
	for _, f := range list {
		lines = append(lines, line(f))
	}
	return []byte(strings.Join(slices.Concat(lines, []string{""}), "\n"))
}

// line returns the line of a file as judges print it: check sum, size, Unix
// time, name.
func line(f File) string {
	modified := "-"
	if !f.ModTime.IsZero() {
		modified = fmt.Sprint(f.ModTime.Unix())
	}
	return fmt.Sprintf("%x %d %s %s", f.SHA256, f.Size, modified, f.Name)
}
