package inflate

import (
	"bytes"
	"io"
	"testing"

	klauspost "github.com/klauspost/compress/flate"
)

func BenchmarkUnpack(b *testing.B) {
	for _, kind := range []string{"rows", "words", "acgt", "noise"} {
		raw := samples(1 << 20)[kind]
		packed := packers()["klauspost 6"](raw, true)
		b.Run(kind+"/own", func(b *testing.B) {
			var d Decoder
			dst := make([]byte, len(raw))
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				if _, err := d.Unpack(dst, packed); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(kind+"/klauspost", func(b *testing.B) {
			r := klauspost.NewReader(nil)
			dst := make([]byte, len(raw))
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				_ = r.(klauspost.Resetter).Reset(bytes.NewReader(packed), nil)
				if _, err := io.ReadFull(r, dst); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
