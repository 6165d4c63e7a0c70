package sections

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/archive"
)

// The list has any names, also long ones and no UTF-8, and one that is cut is an error.
func TestFileList(t *testing.T) {
	t.Parallel()
	want := []File{{"a", "b"}, {"", ""}, {"\xff\n\x00", "ä"}, {strings.Repeat("x", 200_000), "y"}, {"", "z"}}
	list := &fileList{scratch: archive.NewScratch(t.TempDir())}
	defer list.scratch.Close()
	for _, file := range want {
		if err := list.add(nil, file); err != nil {
			t.Fatal(err)
		}
	}
	var got []File
	for file, err := range list.files() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, file)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d files come back, or others", len(got))
	}
	for _, cut := range []string{"\x01", "\x01\x02", "\x01\x02ab"} {
		list := &fileList{scratch: archive.NewScratch(t.TempDir())}
		if _, err := io.WriteString(list.scratch, cut); err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, err := range list.files() {
			if n++; !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%q gives %v", cut, err)
			}
		}
		if n != 1 {
			t.Errorf("%q gives %d errors", cut, n)
		}
		list.scratch.Close()
	}
}
