package inflate

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

// stream is written bit by bit.
type stream struct{ list []byte }

// add adds the lowest n bits of v, the lowest first.
func (s stream) add(v, n int) stream {
	list := slices.Clone(s.list)
	for i := range n {
		list = append(list, byte(v>>i&1))
	}
	return stream{list}
}

// code adds a code of n bits, the highest first.
func (s stream) code(v, n int) stream {
	for i := n - 1; i >= 0; i-- {
		s = s.add(v>>i&1, 1)
	}
	return s
}

func (s stream) bytes() []byte {
	b := make([]byte, (len(s.list)+7)/8)
	for i, bit := range s.list {
		b[i/8] |= bit << (i % 8)
	}
	return b
}

// dynamic begins a last block with dynamic codes. lengths are those of 257 or more symbols and
// of distances; they are packed with a code in which all of 0 to 15 have 4 bits.
func dynamic(symbols, distances []int) stream {
	s := stream{}.add(1, 1).add(2, 2).add(len(symbols)-257, 5).add(len(distances)-1, 5).add(15, 4)
	for _, i := range lengthsOrder {
		if i < 16 {
			s = s.add(4, 3)
		} else {
			s = s.add(0, 3)
		}
	}
	for _, l := range slices.Concat(symbols, distances) {
		s = s.code(l, 4)
	}
	return s
}

// symbols returns the lengths of codes, of which those not named are 0.
func symbols(n int, named map[int]int) []int {
	list := make([]int, n)
	for i, l := range named {
		list[i] = l
	}
	return list
}

// orders begins a last block with dynamic codes whose codes for lengths have the lengths given.
func orders(lengths ...int) stream {
	s := stream{}.add(1, 1).add(2, 2).add(0, 5).add(0, 5).add(15, 4)
	for _, i := range lengthsOrder {
		l := 0
		if int(i) < len(lengths) {
			l = lengths[i]
		}
		s = s.add(l, 3)
	}
	return s
}

var (
	fixed = stream{}.add(1, 1).add(1, 2)
	end   = map[int]int{256: 1, 'a': 1} // codes of "a" and the end of the block: 0 and 1
	again = []int{0: 2, 16: 1, 18: 2}   // codes for lengths: 16 is 0, 0 is 10, 18 is 11
)

// bad are streams that must be refused.
var bad = []struct {
	name   string
	blocks stream
	want   error
}{
	{"no codes", stream{}.add(1, 1).add(2, 2), errCut},
	{"reserved block", stream{}.add(1, 1).add(3, 2).add(0, 100), errBlock},
	{"stored without length", stream{}.add(1, 1).add(0, 2).add(0, 20), errCut},
	{"stored with wrong length", stream{}.add(1, 1).add(0, 7).add(1, 16).add(0xffff, 16).add('a', 8), errStored},
	{"stored and cut", stream{}.add(1, 1).add(0, 7).add(2, 16).add(0xfffd, 16).add('a', 8), errCut},
	{"fixed and cut", fixed.code(0x30+'a', 8), errCut},
	{"fixed symbol 286", fixed.code(0xc0+286-280, 8).code(0, 30), errCode},
	{"fixed symbol 287", fixed.code(0xc0+287-280, 8).code(0, 30), errCode},
	{"fixed distance 30", fixed.code(0x30+'a', 8).code(1, 7).code(30, 5).code(0, 30), errCode},
	{"fixed distance 31", fixed.code(0x30+'a', 8).code(1, 7).code(31, 5).code(0, 30), errCode},
	{"distance before the data", fixed.code(0x30+'a', 8).code(1, 7).code(1, 5).code(0, 7), errDistance},
	{"distance without data", fixed.code(1, 7).code(0, 5).code(0, 7), errDistance},
	{"287 symbols", stream{}.add(1, 1).add(2, 2).add(30, 5).add(0, 5).add(15, 4).add(0, 500), errCodes},
	{"31 distances", stream{}.add(1, 1).add(2, 2).add(0, 5).add(30, 5).add(15, 4).add(0, 500), errCodes},
	{"no codes for lengths", orders().add(0, 500), errCodes},
	{"one code for lengths", orders(1).add(0, 500), errCodes},
	{"few codes for lengths", orders(1, 2).add(0, 500), errCodes},
	{"too many codes for lengths", orders(1, 1, 1).add(0, 500), errCodes},
	{"lengths are cut", orders(1, 1).add(0, 5), errCut},
	{"nothing to repeat", orders(again...).code(0, 1).add(0, 500), errCodes},
	{"repeats too often", orders(again...).code(3, 2).add(127, 7).code(3, 2).add(127, 7).add(0, 500), errCodes},
	{"repeats and is cut", orders(again...).code(3, 2).add(127, 4), errCut},
	{"no end of the block", dynamic(symbols(257, map[int]int{'a': 1, 'b': 1}), []int{0}).add(0, 100), errCodes},
	{"too many symbols", dynamic(symbols(257, map[int]int{'a': 1, 'b': 1, 256: 1}), []int{0}).add(0, 100), errCodes},
	{"too few symbols", dynamic(symbols(257, map[int]int{'a': 2, 'b': 2, 256: 2}), []int{0}).add(0, 100), errCodes},
	{"one symbol of two bits", dynamic(symbols(257, map[int]int{256: 2}), []int{0}).add(0, 100), errCodes},
	{"too many distances", dynamic(symbols(257, end), []int{1, 1, 1}).add(2, 100), errCodes},
	{"too few distances", dynamic(symbols(257, end), []int{2, 2, 2}).add(2, 100), errCodes},
	{"one distance of two bits", dynamic(symbols(257, end), []int{2}).add(2, 100), errCodes},
	{"missing symbol", dynamic(symbols(257, map[int]int{256: 1}), []int{0}).code(1, 1).add(0, 100), errCode},
	{"missing distance", dynamic(symbols(258, map[int]int{'a': 1, 256: 2, 257: 2}), []int{1}).
		code(0, 1).code(3, 2).code(1, 1).add(0, 100), errCode},
	{"no distances", dynamic(symbols(258, map[int]int{'a': 1, 256: 2, 257: 2}), []int{0}).
		code(0, 1).code(3, 2).code(1, 1).add(0, 100), errCode},
	{"bytes behind the last block", fixed.code(0, 7).add(0, 8), errBehind},
	{"a block behind the last block", fixed.code(0, 7).add(0, 6).add(1, 3).add(0, 100), errBehind},
	{"bits behind a block", stream{}.add(0, 1).add(1, 2).code(0, 7), errCut},
}

func TestBad(t *testing.T) {
	good := packers()["klauspost 6"](samples(1000)["rows"], false)
	for _, b := range bad {
		src := b.blocks.bytes()
		for size := 0; size < 400; size += 7 { // of the first bytes only the fast loop sees some
			if _, err := new(Decoder).Unpack(make([]byte, size), src); err == nil {
				t.Errorf("%s is unpacked into %d bytes", b.name, size)
			}
		}
		if _, err := new(Decoder).Unpack(make([]byte, 400), src); !errors.Is(err, b.want) {
			t.Errorf("%s: %v, want %v", b.name, err, b.want)
		}
		compare(t, new(Decoder), src)
		// In the fast loop, behind something good.
		src = slices.Concat(good, src, make([]byte, 300))
		if _, err := new(Decoder).Unpack(make([]byte, 5000), src); err == nil {
			t.Errorf("%s is unpacked behind good blocks", b.name)
		}
		compare(t, new(Decoder), src)
	}
}

// TestFewCodes unpacks what has as few codes as are allowed.
func TestFewCodes(t *testing.T) {
	for name, c := range map[string]struct {
		blocks stream
		want   string
	}{
		"nothing but the end":   {dynamic(symbols(257, map[int]int{256: 1}), []int{0}).code(0, 1), ""},
		"no distances":          {dynamic(symbols(257, end), []int{0}).code(0, 1).code(1, 1), "a"},
		"one distance":          {dynamic(symbols(258, map[int]int{'a': 1, 256: 2, 257: 2}), []int{1}).code(0, 1).code(3, 2).code(0, 1).code(2, 2), "aaaa"},
		"258 bytes as 284 + 31": {fixed.code(0x30+'a', 8).code(0xc0+284-280, 8).add(31, 5).code(0, 5).code(0, 7), string(bytes.Repeat([]byte("a"), 259))},
	} {
		got := make([]byte, len(c.want))
		if last, err := new(Decoder).Unpack(got, c.blocks.bytes()); err != nil || !last || string(got) != c.want {
			t.Errorf("%s: %q, %v, %v", name, got, last, err)
		}
		if !compare(t, new(Decoder), c.blocks.bytes()) {
			t.Errorf("%s is not right for the standard library", name)
		}
	}
}

// TestCodes builds tables of random complete codes and looks up each of them. No table may need
// more than there is.
func TestCodes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		symbols, width, table := 2+random.IntN(287), symbolBits, make([]entry, symbolTable)
		if random.IntN(2) == 0 {
			symbols, width, table = 2+random.IntN(31), distanceBits, make([]entry, distanceTable)
		}
		lengths := randomCodes(random, symbols)
		var c codes
		if !c.build(table, width, lengths, func(n int) entry { return entry(n) << 16 }) {
			t.Fatalf("%v are complete", lengths)
		}
		code := 0 // RFC 1951, section 3.2.2
		for l := 1; l <= maxCode; l++ {
			code <<= 1
			for s := range lengths {
				if int(lengths[s]) == l {
					checkCode(t, table, width, word{bits: stream{}.code(code, l).word()}, s, l)
					code++
				}
			}
		}
	}
}

func (s stream) word() (v uint64) {
	for i, bit := range s.list {
		v |= uint64(bit) << i
	}
	return v
}

func checkCode(t *testing.T, table []entry, width int, w word, symbol, length int) {
	t.Helper()
	d := &Decoder{word: w}
	d.n = 64
	e := d.lookUp(table, width)
	if got := e.in(d.word); got != symbol || 64-d.n+e.size() != length {
		t.Fatalf("code %b has symbol %d and %d bits, want %d and %d", w.bits, got, 64-d.n+e.size(), symbol, length)
	}
}

// randomCodes returns the lengths of n codes that are complete: it splits codes until there are
// enough, long ones more often.
func randomCodes(random *rand.Rand, n int) []uint8 {
	list := []uint8{1, 1}
	for len(list) < n {
		at := random.IntN(len(list))
		if random.IntN(2) == 0 {
			at = len(list) - 1
		}
		if list[at] < maxCode {
			list[at]++
			list = append(list, list[at])
		}
	}
	random.Shuffle(n, func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}
