package archivetest

import (
	"errors"
	"io/fs"
	"mime"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive"
)

func testDescription(t *testing.T, k *kit) {
	if k.Format.Name() == "" {
		t.Error("no name")
	}
	if e := k.Format.Extension(); e == "" || strings.HasPrefix(e, ".") {
		t.Errorf("extension %q", e)
	}
	if _, _, err := mime.ParseMediaType(k.Format.MediaType()); err != nil {
		t.Errorf("media type %q: %v", k.Format.MediaType(), err)
	}
}

func testRoundTrip(t *testing.T, k *kit) {
	zone := time.FixedZone("", -7*3600)
	items := []item{
		newItem("export/organization/organization.yaml", []byte("name: Acme\n")),
		newItem("export/products/1/product.yaml", text(3000, 1)),
		newItem("export/products/1/photo.jpg", noise(70*kib, 1)),
		newItem("export/products/catalog.ndjson", k.large(mib+mib/2)),
		{"other zone.txt", time.Date(2026, 6, 26, 21, 0, 1, 999_999_999, zone), []byte("x")},
		{"old.txt", time.Date(1975, 3, 4, 5, 6, 7, 0, time.UTC), []byte("x")},
		{"first second.txt", time.Unix(0, 0), []byte("x")},
	}
	first, second := k.pack(t, items[:2]...), k.pack(t, items[2:]...)
	k.check(t, k.join(t, first, second), items...)
}

func testEmptyPart(t *testing.T, k *kit) {
	items := []item{newItem("a", []byte("a")), newItem("b", []byte("b"))}
	empty := k.pack(t)
	k.check(t, k.join(t, empty))
	k.check(t, k.join(t, empty, empty))
	k.check(t, k.join(t, empty, k.pack(t, items[0]), empty, k.pack(t, items[1]), empty), items...)
}

func testEmptyArchive(t *testing.T, k *kit) {
	k.check(t, k.join(t))
}

func testEmptyFile(t *testing.T, k *kit) {
	items := []item{newItem("first", nil), newItem("x", []byte("x")), newItem("last", nil)}
	k.check(t, k.join(t, k.pack(t, items[0]), k.pack(t, items...)), append(items[:1:1], items...)...)
}

// longNames returns files with names of up to 1,000 bytes, whose elements have up
// to 255.
func longNames() []item {
	var items []item
	for _, n := range []int{99, 100, 101, 155, 156, 254, 255} {
		items = append(items, newItem(strings.Repeat("n", n), []byte("x")))
	}
	folder := strings.Repeat("f", 255)
	for _, n := range []int{1, 99, 100, 101, 232} {
		name := strings.Repeat(folder+"/", 3) + strings.Repeat("p", n)
		items = append(items, newItem(name, []byte(name)))
	}
	return append(items, newItem(strings.Repeat("語", 85)+"/"+strings.Repeat("😀", 63), []byte("x")))
}

func testLongNames(t *testing.T, k *kit) {
	items := longNames()
	k.check(t, k.join(t, k.pack(t, items...)), items...)
}

// otherNames returns files whose names are not ASCII or have odd characters. The
// two ways to write é are in different folders, because some file systems do
// not hold both in one.
func otherNames() []item {
	var items []item
	for _, name := range []string{
		"nfc/caf\u00e9.txt", "nfd/cafe\u0301.txt", "Öl/straße.txt", "商品/图片.txt", "منتج/صورة.txt", "😀/👩🏽‍💻.txt",
		"\u200emark.txt", "a b/c'd.txt", `quote".txt`, "100%.txt", "-dash", "--", "#x;y&z", "[brackets]{braces}.txt", "$HOME`x`", "~",
	} {
		items = append(items, newItem(name, []byte(name)))
	}
	return items
}

func testNonASCIINames(t *testing.T, k *kit) {
	items := otherNames()
	k.check(t, k.join(t, k.pack(t, items...)), items...)
}

func testInvalidNames(t *testing.T, k *kit) {
	good := []item{newItem("a", []byte("a")), newItem("b", []byte("b"))}
	got, err := k.tryPack(t.Context(), k.options(), func(p archive.Packer) error {
		if err := add(t.Context(), p, good[0]); err != nil {
			return err
		}
		for _, name := range []string{
			"", ".", "/", "/a", "a/", "..", "../a", "a/../b", "a//b", "./a", "a\xff", "a\x00b", strings.Repeat("n/", 40_000) + "n",
		} {
			if err := add(t.Context(), p, newItem(name, []byte("x"))); !errors.Is(err, fs.ErrInvalid) {
				t.Errorf("name %.20q: %v", name, err)
			}
		}
		return add(t.Context(), p, good[1])
	})
	if err != nil {
		t.Fatal(err)
	}
	sameParts(t, "part with refused names", got, k.pack(t, good...))
}

func testSizes(t *testing.T, k *kit) {
	var items []item
	for _, n := range []int{0, 1, 2, 511, 512, 513} {
		items = append(items, newItem("text", text(n, 1)), newItem("noise", noise(n, 1)))
	}
	sizes := []int{k.Segment - 1024, k.Segment - 512, k.Segment - 1, k.Segment, k.Segment + 1, 2*k.Segment - 1, 2 * k.Segment, 3*k.Segment + 77}
	if k.Slow {
		sizes = []int{k.Segment - 512, k.Segment - 1, k.Segment, k.Segment + 1, 2 * k.Segment}
	}
	for _, n := range sizes {
		items = append(items, newItem("repeated", repeated(n)))
		if !k.Slow {
			items = append(items, newItem("text", text(n, 1)), newItem("noise", noise(n, 1)), newItem("mixed", mixed(n, 1)))
		}
	}
	k.check(t, k.join(t, k.pack(t, items...)), items...)

	// Alone in a part, too, where nothing comes before or behind.
	var parts []part
	for _, i := range items {
		parts = append(parts, k.pack(t, i))
	}
	k.check(t, k.join(t, parts...), items...)
}

func testLevels(t *testing.T, k *kit) {
	items := []item{newItem("a", text(20*kib, 1))}
	if !k.Slow {
		items = append(items, newItem("b", mixed(2*k.Segment, 1)))
	}
	for level := -1; level <= 10; level++ {
		o := k.options()
		o.Level = level
		p, err := k.tryPack(t.Context(), o, func(p archive.Packer) error { return addAll(t.Context(), p, items) })
		if err != nil {
			t.Fatalf("level %d: %v", level, err)
		}
		k.check(t, k.join(t, p), items...)
	}
}
