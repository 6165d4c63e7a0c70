package archive

import (
	"bytes"
	"compress/flate"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
)

// long is archivetest.Long, which tests of this package itself cannot import.
func long() bool { return flag.Lookup("long").Value.String() == "true" }

// sample returns n bytes of one of several kinds.
func sample(random *rand.Rand, n int) []byte {
	b := make([]byte, 0, n+64)
	kind := random.IntN(4)
	for len(b) < n {
		switch kind {
		case 0:
			b = append(b, byte(random.Uint32()))
		case 1:
			b = append(b, "aaaaaaaaaaaaaaab"...)
		case 2:
			b = fmt.Appendf(b, "{\"id\": %d, \"name\": \"product %x\"}\n", len(b), random.Uint32())
		case 3:
			b = append(b, "acgt"[random.IntN(4)])
		}
	}
	return b[:n]
}

// TestUsedEncoderIsLikeNew packs samples of random kinds and sizes with
// encoders that have packed others before, and compares with new encoders.
// Equal bytes at any number of packers rest on this.
func TestUsedEncoderIsLikeNew(t *testing.T) {
	for name, codec := range map[string]Codec{"gzip": gzipCodec{}, "zip": zipCodec{}} {
		for level := 1; level <= 9; level++ {
			t.Run(fmt.Sprintf("%s-%d", name, level), func(t *testing.T) {
				rounds, most := 6, 200_000
				switch {
				case long():
					rounds, most = 100, 1<<20
				case level > 7:
					rounds = 2 // ten times slower
				}
				random := rand.New(rand.NewPCG(uint64(level), 7))
				used := newEncoder(t, codec, level)
				for round := range rounds {
					raw, dict := sample(random, 1+random.IntN(most)), sample(random, random.IntN(window+1))
					if random.IntN(3) == 0 {
						dict = nil
					}
					last := name == "zip" && random.IntN(2) == 0
					got, gotMark, err := used.Encode([]byte("before"), raw, dict, last)
					if err != nil {
						t.Fatal(err)
					}
					want, wantMark, err := newEncoder(t, codec, level).Encode([]byte("before"), raw, dict, last)
					if err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(got, want) || gotMark != wantMark {
						t.Fatalf("round %d, %d bytes: a used encoder packs otherwise than a new one", round, len(raw))
					}
					got = bytes.TrimPrefix(got, []byte("before"))
					if name == "zip" && zipRaw(gotMark) {
						if !bytes.Equal(got, raw) {
							t.Fatalf("round %d: raw segment has changed", round)
						}
						continue
					}
					checkInflate(t, got, raw, dict, last)
				}
			})
		}
	}
}

// TestOldEncoderIsLikeNew takes an encoder beyond 2 GiB, where its positions
// begin anew.
func TestOldEncoderIsLikeNew(t *testing.T) {
	if !long() {
		t.Skip("needs -long")
	}
	for level := 1; level <= 9; level++ {
		t.Run(fmt.Sprint(level), func(t *testing.T) {
			random := rand.New(rand.NewPCG(uint64(level), 8))
			used := newEncoder(t, gzipCodec{}, level)
			filler := bytes.Repeat([]byte("all work and no play makes a dull test\n"), segmentSize/39)
			for packed := 0; packed < 2300<<20; packed += len(filler) {
				if _, _, err := used.Encode(nil, filler, filler[:window], false); err != nil {
					t.Fatal(err)
				}
				if packed < 2000<<20 {
					continue
				}
				raw := sample(random, 1+random.IntN(20_000))
				got, _, err := used.Encode(nil, raw, filler[:window], false)
				if err != nil {
					t.Fatal(err)
				}
				want, _, err := newEncoder(t, gzipCodec{}, level).Encode(nil, raw, filler[:window], false)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, want) {
					t.Fatalf("after %d MiB an encoder packs otherwise than a new one", packed>>20)
				}
			}
		})
	}
}

func newEncoder(t *testing.T, codec Codec, level int) Encoder {
	t.Helper()
	e, err := codec.NewEncoder(level)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// checkInflate unpacks a segment with the standard library.
func checkInflate(t *testing.T, packed, want, dict []byte, last bool) {
	t.Helper()
	if !last {
		packed = append(packed, deflateEnd...)
	}
	r := bytes.NewReader(packed)
	got, err := io.ReadAll(flate.NewReaderDict(r, dict))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) || r.Len() > 0 {
		t.Fatalf("%d bytes unpacked and %d left, want %d and 0", len(got), r.Len(), len(want))
	}
}

func TestStoredBlocks(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{0, 1, maxStored - 1, maxStored, maxStored + 1, 2 * maxStored, segmentSize} {
		raw := sample(random, n)
		packed := appendStored(nil, raw)
		if len(packed) != storedSize(n) {
			t.Errorf("%d bytes stored are %d, storedSize says %d", n, len(packed), storedSize(n))
		}
		checkInflate(t, packed, raw, nil, false)
	}
}

// TestGzipStoresNoise shows that noise grows by the headers of stored blocks
// only.
func TestGzipStoresNoise(t *testing.T) {
	raw := make([]byte, segmentSize)
	_, _ = rand.NewChaCha8([32]byte{2}).Read(raw)
	for level := 1; level <= 9; level++ {
		packed, _, err := newEncoder(t, gzipCodec{}, level).Encode(nil, raw, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		if len(packed) > storedSize(len(raw)) {
			t.Errorf("level %d: %d bytes become %d", level, len(raw), len(packed))
		}
		checkInflate(t, packed, raw, nil, false)
	}
}

// TestStoredFramer hands raw and packed segments on in pieces of any size.
func TestStoredFramer(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 3))
	encoder := newEncoder(t, zipCodec{}, 6)
	var raw, packed []byte
	var segments []Segment
	for _, noise := range []bool{true, false, true, true, false, true} {
		segment := bytes.Repeat([]byte("all work and no play makes a dull test\n"), 10_000)
		if noise {
			_, _ = rand.NewChaCha8([32]byte{byte(len(segments))}).Read(segment)
		}
		dict := raw[max(0, len(raw)-window):]
		p, mark, err := encoder.Encode(nil, segment, dict, false)
		if err != nil {
			t.Fatal(err)
		}
		if zipRaw(mark) != noise {
			t.Fatalf("raw is %v, want %v", zipRaw(mark), noise)
		}
		raw, packed = append(raw, segment...), append(packed, p...)
		segments = append(segments, Segment{Raw: int64(len(segment)), Packed: int64(len(p)), Mark: mark})
	}
	for _, most := range []int{1, 1000, maxStored + 1, len(packed)} {
		var out bytes.Buffer
		framer := &storedFramer{dst: &out, segments: segments}
		for rest := packed; len(rest) > 0; {
			n := min(1+random.IntN(most), len(rest))
			if _, err := framer.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		checkInflate(t, out.Bytes(), raw, nil, false)
	}
}
