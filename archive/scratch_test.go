package archive

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"
	"testing/iotest"
)

// TestScratch writes in pieces of all sizes and reads at every edge.
func TestScratch(t *testing.T) {
	for _, sizes := range [][]int{
		{}, {0}, {1}, {scratchMemory}, {scratchMemory, 1}, {scratchMemory + 1}, {1, scratchMemory},
		{10, 3 * scratchMemory, 10}, {scratchMemory - 1, 2, scratchMemory - 1, 2, scratchMemory + 1, 5},
	} {
		dir := t.TempDir()
		s := NewScratch(dir)
		defer s.Close()
		var want []byte
		for i, n := range sizes {
			b := make([]byte, n)
			_, _ = rand.NewChaCha8([32]byte{byte(i)}).Read(b)
			want = append(want, b...)
			if m, err := s.Write(b); m != n || err != nil {
				t.Fatalf("%v: Write returned %d, %v", sizes, m, err)
			}
		}
		if s.Size() != int64(len(want)) {
			t.Errorf("%v: size %d, want %d", sizes, s.Size(), len(want))
		}
		var all bytes.Buffer
		if n, err := s.WriteTo(&all); n != int64(len(want)) || err != nil || !bytes.Equal(all.Bytes(), want) {
			t.Errorf("%v: WriteTo returned %d, %v", sizes, n, err)
		}
		if err := iotest.TestReader(io.NewSectionReader(s, 0, s.Size()), want); err != nil {
			t.Errorf("%v: %v", sizes, err)
		}
		s.Close()
		s.Close()
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%v: left in folder: %v, %v", sizes, left, err)
		}
	}
	(*Scratch)(nil).Close()
}

func TestTempFileHasNoName(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open file has a name on Windows")
	}
	dir := t.TempDir()
	f, err := NewTempFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("x"); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("in folder: %v, %v", left, err)
	}
}

func TestSlide(t *testing.T) {
	all := []byte("0123456789")
	for cut := range len(all) + 1 {
		for n := range len(all) + 2 {
			want := all[max(0, len(all)-n):]
			if got := slide(all[:cut], all[cut:], n); !bytes.Equal(got, want) {
				t.Errorf("last %d of %s and %s: %s", n, all[:cut], all[cut:], got)
			}
		}
	}
}
