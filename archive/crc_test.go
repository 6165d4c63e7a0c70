package archive

import (
	"hash/crc32"
	"math/rand/v2"
	"testing"
)

func TestCombineCRC(t *testing.T) {
	source := rand.NewChaCha8([32]byte{1})
	data := make([]byte, 5<<20)
	_, _ = source.Read(data)
	for _, size := range []struct{ first, second int }{
		{0, 0}, {0, 1}, {1, 0}, {1, 1}, {7, 9}, {1 << 20, 1 << 20}, {1<<20 - 1, 3<<20 + 77}, {0, 5 << 20}, {5 << 20, 0},
	} {
		checkCombine(t, data[:size.first], data[size.first:size.first+size.second])
	}
}

// TestCombineCRCOfZeros goes to lengths that nobody wants to sum: doubling a
// run of zeros must be the same as combining it with itself.
func TestCombineCRCOfZeros(t *testing.T) {
	one := crc32.ChecksumIEEE([]byte{0})
	sum, length := one, int64(1)
	for length < 1<<40 {
		sum, length = combineCRC(sum, sum, length), 2*length
		if length == 1<<26 {
			if want := crc32.ChecksumIEEE(make([]byte, length)); sum != want {
				t.Fatalf("sum of %d zeros is %08x, want %08x", length, sum, want)
			}
		}
	}
	if left, right := combineCRC(sum, one, 1), combineCRC(one, sum, length); left != right {
		t.Errorf("%d zeros and one more: %08x or %08x", length, left, right)
	}
}

func FuzzCombineCRC(f *testing.F) {
	f.Add([]byte("first"), []byte("second"))
	f.Add([]byte{}, []byte{0, 0, 0})
	f.Fuzz(checkCombine)
}

func checkCombine(t *testing.T, first, second []byte) {
	t.Helper()
	got := combineCRC(crc32.ChecksumIEEE(first), crc32.ChecksumIEEE(second), int64(len(second)))
	if want := crc32.Update(crc32.ChecksumIEEE(first), crc32.IEEETable, second); got != want {
		t.Errorf("%d and %d bytes: %08x, want %08x", len(first), len(second), got, want)
	}
}
