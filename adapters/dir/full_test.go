package dir_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/orgexport/orgexport/adapters/dir"
)

// TestDiskFull writes to a file system of a megabyte.
func TestDiskFull(t *testing.T) {
	path := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", path).CombinedOutput(); err != nil {
		t.Skipf("skipped: a small file system cannot be mounted: %v %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", path).CombinedOutput(); err != nil { //nolint:noctx // the test's context has ended
			t.Errorf("umount: %v %s", err, out)
		}
	})
	d, err := dir.NewDestination(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	content := make([]byte, 700<<10)
	_, _ = rand.NewChaCha8([32]byte{}).Read(content) // never fails
	if err := put(t.Context(), d, "a", string(content)); err != nil {
		t.Fatal(err)
	}
	for range 3 { // what was written is given back
		err := put(t.Context(), d, "a", string(content))
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "no space left on device") {
			t.Errorf("Put on a full disk gives %v", err)
		}
	}
	if got, err := get(t.Context(), d, "a"); err != nil || got != string(content) {
		t.Errorf("what was there is %d bytes, %v", len(got), err)
	}
	if free, err := d.FreeSpace(); err != nil || free < 200<<10 || free > 400<<10 {
		t.Errorf("FreeSpace gives %d, %v", free, err)
	}
	if err := put(t.Context(), d, "b", string(content[:300<<10])); err != nil {
		t.Fatal(err)
	}
	for i := range 20 { // up to the last byte
		_ = put(t.Context(), d, fmt.Sprintf("c%d", i), "x")
	}
	if err := d.Check(t.Context()); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Check on a full disk gives %v", err)
	}
}
