package inflate

import (
	"bytes"
	"compress/flate"
	"io"
	"math/rand/v2"
	"testing"
)

// blockEnd is an empty last block, for streams that have none.
var blockEnd = []byte{0x03, 0x00}

// standard unpacks a whole stream with the standard library. It reports whether the stream is
// right and nothing follows it.
func standard(packed []byte, most int) ([]byte, bool) {
	r := bytes.NewReader(packed) // an io.ByteReader, so no more is read than is needed
	got, err := io.ReadAll(io.LimitReader(flate.NewReader(r), int64(most)+1))
	return got, err == nil && len(got) <= most && r.Len() == 0
}

// compare unpacks src, and src with an end, with the standard library and with d, which must
// agree. It reports whether src is right as it is.
func compare(t *testing.T, d *Decoder, src []byte) bool {
	t.Helper()
	const most = 1 << 20
	want, right := standard(src, most)
	if len(want) > most {
		return false // it may go on for ever
	}
	if last := unpack(t, d, src, want); last != right {
		t.Fatalf("%x: the stream is right: %v, want %v", src, last, right)
	}
	if right {
		refuses(t, d, src, len(want)+1)
		if len(want) > 0 {
			refuses(t, d, src, len(want)-1)
		}
	}
	return right
}

// unpack unpacks src, which has want if it is right, and reports whether it has a last block. If
// it has none, it must be right with one.
func unpack(t *testing.T, d *Decoder, src, want []byte) (last bool) {
	t.Helper()
	dst := make([]byte, len(want)+9)
	for i := range dst {
		dst[i] = 0xa5
	}
	last, err := d.Unpack(dst[:len(want):len(want)], src)
	if !bytes.Equal(dst[len(want):], bytes.Repeat([]byte{0xa5}, 9)) {
		t.Fatalf("%x: bytes behind the buffer have changed", src)
	}
	if err != nil {
		return false
	}
	if !bytes.Equal(dst[:len(want)], want) {
		t.Fatalf("%x: other bytes than those of the standard library", src)
	}
	if ended, ok := standard(append(bytes.Clone(src), blockEnd...), len(want)); !last && (!ok || !bytes.Equal(ended, want)) {
		t.Fatalf("%x: whole blocks, but not for the standard library", src)
	}
	return last
}

func refuses(t *testing.T, d *Decoder, src []byte, size int) {
	t.Helper()
	if _, err := d.Unpack(make([]byte, size), src); err == nil {
		t.Fatalf("%x: unpacked into %d bytes, which is wrong", src, size)
	}
}

// FuzzUnpack compares with the standard library, in both directions: see compare. The Decoder
// has unpacked before.
func FuzzUnpack(f *testing.F) {
	packers := packers()
	for _, raw := range samples(3000) {
		for _, pack := range packers {
			f.Add(pack(raw, false))
			f.Add(pack(raw, true))
		}
	}
	for _, b := range bad {
		f.Add(b.blocks.bytes())
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		d := new(Decoder)
		compare(t, d, src)
		compare(t, d, append(bytes.Clone(src), blockEnd...))
	})
}

// TestDamage flips bits in real streams and cuts them.
func TestDamage(t *testing.T) {
	random, d := rand.New(rand.NewPCG(1, 1)), new(Decoder)
	packers, right := packers(), 0
	for kind, raw := range samples(5000) {
		for _, name := range []string{"std -2", "klauspost 1", "klauspost 6", "std 9"} {
			packed := packers[name](raw, true)
			if !compare(t, d, packed) {
				t.Fatalf("%s of %s is wrong", name, kind)
			}
			for range 10 {
				compare(t, d, packed[:random.IntN(len(packed))])
				bad := bytes.Clone(packed)
				bad[random.IntN(len(bad))] ^= 1 << random.IntN(8)
				if compare(t, d, bad) {
					right++
				}
				at := random.IntN(min(len(bad), 100)) // where the codes are
				bad = bytes.Clone(packed)
				bad[at] ^= 1 << random.IntN(8)
				compare(t, d, bad)
			}
		}
	}
	if right == 0 {
		t.Error("no stream with another bit is right, which is unlikely")
	}
}

// TestCuts cuts small streams at every byte, and unpacks into every wrong size.
func TestCuts(t *testing.T) {
	d, packers := new(Decoder), packers()
	for _, raw := range samples(400) {
		for _, name := range []string{"std -2", "std 0", "klauspost 1", "klauspost 6"} {
			packed := packers[name](raw, true)
			for n := range packed {
				compare(t, d, packed[:n])
			}
			for n := range 2 * len(raw) {
				if n != len(raw) {
					refuses(t, d, packed, n)
				}
			}
		}
	}
}
