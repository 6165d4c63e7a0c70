package archivetest

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/orgexport/orgexport/archive"
)

// testDamage changes a part in every way that a disk can. Of a large part it
// takes samples.
func testDamage(t *testing.T, k *kit) {
	p := k.pack(t, newItem("a.yaml", text(300, 1)), newItem("empty", nil), newItem("b.bin", noise(40, 1)))
	want := k.join(t, p)
	k.damage(t, p, 1)
	big := k.pack(t, k.several()...)
	k.damage(t, big, len(big.body)/20)

	for name, bad := range map[string]part{
		"nothing":           {},
		"body for tail":     {p.body, p.body},
		"tail for body":     {p.tail, p.tail},
		"tail of another":   {p.body, big.tail},
		"body of another":   {big.body, p.tail},
		"of another format": k.others()[0].pack(t, newItem("a.yaml", text(300, 1))),
	} {
		k.refuses(t, name, bad)
	}
	behind := part{slices.Concat(p.body, []byte("more")), p.tail}
	same(t, "archive of a body with more behind it", k.join(t, behind), want)
}

// damage flips bits and cuts at every step-th byte of the body. It does the same
// at every byte of the tail's ends, and at some in between.
func (k *kit) damage(t *testing.T, p part, step int) {
	t.Helper()
	for at := 0; at < len(p.body); at += step {
		for bit := range 8 {
			k.refuses(t, "flip in body", part{flip(p.body, at, bit), p.tail})
		}
		k.refuses(t, "cut body", part{p.body[:at], p.tail})
	}
	for at := range p.tail {
		if at > 200 && at < len(p.tail)-200 && at%29 > 0 {
			continue
		}
		for bit := range 8 {
			k.refuses(t, "flip in tail", part{p.body, flip(p.tail, at, bit)})
		}
		k.refuses(t, "cut tail", part{p.body, p.tail[:at]})
	}
}

func flip(b []byte, at, bit int) []byte {
	b = slices.Clone(b)
	b[at] ^= 1 << bit
	return b
}

// refuses joins a part that must be refused, by Join too if its function ignores
// the error of Part.
func (k *kit) refuses(t *testing.T, what string, p part) {
	t.Helper()
	var first error
	err := k.Format.Join(t.Context(), io.Discard, k.options(), func(j archive.Joiner) error {
		first = j.Part(bytes.NewReader(p.body), bytes.NewReader(p.tail))
		return nil
	})
	if !errors.Is(first, archive.ErrPart) || !errors.Is(err, archive.ErrPart) {
		t.Fatalf("%s: Part returned %v, Join %v; want ErrPart", what, first, err)
	}
}

// testPartReadError lets the readers of a part fail. The part itself is not to
// blame.
func testPartReadError(t *testing.T, k *kit) {
	p := k.pack(t, newItem("a.yaml", text(3000, 1)))
	broken := func(b []byte) io.Reader {
		return io.MultiReader(bytes.NewReader(b), iotest.ErrReader(errInjected))
	}
	for _, readers := range [][2]io.Reader{
		{broken(nil), bytes.NewReader(p.tail)},
		{broken(p.body[:len(p.body)-1]), bytes.NewReader(p.tail)},
		{bytes.NewReader(p.body), broken(nil)},
		{bytes.NewReader(p.body), broken(p.tail[:len(p.tail)-1])},
	} {
		err := k.Format.Join(t.Context(), io.Discard, k.options(), func(j archive.Joiner) error {
			return j.Part(readers[0], readers[1])
		})
		if !errors.Is(err, errInjected) || errors.Is(err, archive.ErrPart) {
			t.Errorf("Join returned %v", err)
		}
	}
}
