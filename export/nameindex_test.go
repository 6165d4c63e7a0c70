package export

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/orgexport/orgexport/internal/keytable"
)

func TestNameIndexSpills(t *testing.T) {
	dir := t.TempDir()
	x := &nameIndex{table: keytable.New(dir, 0, 1<<10)} // to have many temporary files
	defer x.close()
	const n = 10_000
	for i := range n {
		if err := x.add(fmt.Sprintf("d%d/f%d", i%100, i)); err != nil {
			t.Fatal(err)
		}
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
