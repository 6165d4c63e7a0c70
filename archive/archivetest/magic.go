package archivetest

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/archive"
)

// testMagic compares Magic with what archives of this and of other formats
// begin with.
func testMagic(t *testing.T, k *kit) {
	magic := k.Format.Magic()
	for i, m := range magic {
		if beginsWith([]byte(m), slices.Delete(slices.Clone(magic), i, i+1)) {
			t.Errorf("Magic returns %q: %q begins with another of them", magic, m)
		}
	}
	file := newItem("a.yaml", text(300, 1))
	for what, a := range map[string][]byte{
		"without parts": k.join(t),
		"without files": k.join(t, k.pack(t)),
		"of a file":     k.join(t, k.pack(t, file)),
		"of two parts":  k.join(t, k.pack(t), k.pack(t, file)),
	} {
		if !beginsWith(a, magic) {
			t.Errorf("Magic returns %q: an archive %s begins with %q", magic, what, a[:min(len(a), 16)])
		}
	}
	for _, other := range k.others() {
		a, name := other.join(t, other.pack(t, file)), other.Format.Name()
		if beginsWith(a, magic) {
			t.Errorf("Magic returns %q: a %s archive begins like that", magic, name)
		}
		if _, err := k.Format.NewReader(bytes.NewReader(a), archive.ReadOptions{Scratch: k.scratch}); !errors.Is(err, archive.ErrDamaged) {
			t.Errorf("NewReader of a %s archive: %v, want ErrDamaged", name, err)
		}
	}
}

// beginsWith reports whether a head of an archive begins with one of the
// strings.
func beginsWith(head []byte, magic []string) bool {
	return slices.ContainsFunc(magic, func(m string) bool { return strings.HasPrefix(string(head), m) })
}
