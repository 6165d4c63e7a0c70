package dir_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/orgexport/orgexport/export"
)

// TestAFolderThatIsGoneMissesNothing replaces a folder and takes it away: that nobody
// finds an object in it does not mean that the object is missing.
func TestAFolderThatIsGoneMissesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "archives")
	d := newDestination(t, path)
	asked := func(when string) {
		t.Helper()
		_, err := d.Size(t.Context(), "a/b.zip")
		if err == nil || errors.Is(err, export.ErrNotFound) {
			t.Errorf("%s Size gives %v, want another error than ErrNotFound", when, err)
		}
		r, err := d.Open(t.Context(), "a/b.zip")
		if err == nil {
			r.Close()
		}
		if err == nil || errors.Is(err, export.ErrNotFound) {
			t.Errorf("%s Open gives %v, want another error than ErrNotFound", when, err)
		}
	}
	if err := os.Rename(path, path+".old"); err != nil {
		t.Skipf("an open folder cannot be moved: %v", err)
	}
	asked("once the folder is gone,")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	asked("once it is replaced,")
}
