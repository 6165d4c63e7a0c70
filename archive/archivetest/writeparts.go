package archivetest

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/orgexport/orgexport/archive"
)

// WriteParts makes an archive of so many equal parts, with a file of each size in each, and
// returns where it is. It is for tests that have a program tell how an archive is made.
func WriteParts(t *testing.T, format archive.Format, parts int, sizes ...int) (path string) {
	t.Helper()
	k := &kit{Config: Config{Format: format}, pool: archive.NewPool(2), scratch: t.TempDir()}
	var items []item
	for i, n := range sizes {
		items = append(items, newItem(strconv.Itoa(i), repeated(n)))
	}
	var all []part
	for range parts {
		all = append(all, k.pack(t, items...))
	}
	path = filepath.Join(t.TempDir(), "archive."+format.Extension())
	if err := os.WriteFile(path, k.join(t, all...), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
