package archive

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
)

// framed puts a frame around a segment, as the joiner does.
func framed(t *testing.T, seg Segment, packed []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	frame := gzipCodec{}.NewFrame()
	if err := errors.Join(frame.Open(&b), frame.Segment(seg)); err != nil {
		t.Fatal(err)
	}
	b.Write(packed)
	if err := frame.Close(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestUnpackSegments compares the unpacker of gzip with the one that other codecs have.
func TestUnpackSegments(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	own, other := new(gzipUnpacker), &unpacker{codec: gzipCodec{}}
	for level := 1; level <= 9; level++ {
		encoder := newEncoder(t, gzipCodec{}, level)
		for _, n := range []int{0, 1, 1000, 1 + random.IntN(200_000), segmentSize} {
			raw := sample(random, n)
			packed, mark, err := encoder.Encode(nil, raw, nil, false)
			if err != nil {
				t.Fatal(err)
			}
			stream := framed(t, Segment{int64(n), int64(len(packed)), mark}, packed)
			for _, u := range []Encoder{own, other} {
				got, sum, err := u.Encode([]byte("before"), stream, nil, false)
				if err != nil || string(got) != "before"+string(raw) || sum != mark {
					t.Fatalf("level %d, %d bytes: %d bytes with mark %x, %v; want mark %x", level, n, len(got), sum, err, mark)
				}
			}
		}
	}
}

// TestUnpackRefuses unpacks segments that no other can follow, or that are not what the tail says.
func TestUnpackRefuses(t *testing.T) {
	raw := bytes.Repeat([]byte("all work and no play makes a dull test\n"), 1000)
	encoder := newEncoder(t, gzipCodec{}, 6)
	open, mark, err := encoder.Encode(nil, raw, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	last, _, err := encoder.Encode(nil, raw, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	size := int64(len(raw))
	for name, bad := range map[string]struct {
		seg    Segment
		packed []byte
	}{
		"last block":         {Segment{Raw: size, Mark: mark}, last},
		"another check sum":  {Segment{Raw: size, Mark: mark ^ 1}, open},
		"too long":           {Segment{Raw: size - 1, Mark: mark}, open},
		"too short":          {Segment{Raw: size + 1, Mark: mark}, open},
		"cut":                {Segment{Raw: size, Mark: mark}, open[:len(open)-1]},
		"without its end":    {Segment{Raw: size, Mark: mark}, open[:len(open)-5]},
		"an end and a frame": {Segment{Raw: 2 * size, Mark: mark}, append(framed(t, Segment{Raw: size, Mark: mark}, open), framed(t, Segment{}, nil)[:gzipHeader]...)},
		"nothing":            {Segment{Raw: size, Mark: mark}, nil},
	} {
		if _, _, err := new(gzipUnpacker).Encode(nil, framed(t, bad.seg, bad.packed), nil, false); !errors.Is(err, ErrPart) {
			t.Errorf("%s: %v, want ErrPart", name, err)
		}
	}
}
