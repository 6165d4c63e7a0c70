package export

import (
	"errors"
	"fmt"
	"os"
	"testing"
)

func TestNameIndexSpills(t *testing.T) {
	dir := t.TempDir()
	x := newNameIndex(dir)
	defer x.close()
	const n = memorySlots / maxIndexLoad // with the folders more than are kept in memory
	for i := range n {
		if err := x.add(fmt.Sprintf("d%d/f%d", i%100, i)); err != nil {
			t.Fatal(err)
		}
	}
	if x.file == nil {
		t.Fatal("the index is still in memory")
	}
	for i := range n {
		var bad *NameError
		if err := x.add(fmt.Sprintf("D%d/F%d", i%100, i)); !errors.As(err, &bad) {
			t.Fatalf("name %d again gives %v, want a NameError", i, err)
		}
	}
	if err := x.forget("d7/f7"); err != nil {
		t.Fatal(err)
	}
	if err := x.add("d7/f7"); err != nil {
		t.Errorf("a forgotten name gives %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("the index shows in its folder: %v, %v", left, err)
	}
}
