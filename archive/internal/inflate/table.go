package inflate

import (
	"encoding/binary"
	"math/bits"
)

// A table is looked up with the next bits of the input. An entry of it has these bits:
//
//	0-5    how many bits it takes of the input, extra bits included
//	8-12   how many of them are the code
//	13-15  flags: see below
//	16-30  what the extra bits are added to: a literal, a length or a distance
//	31     it is a literal
//
// A code that is longer than the bits that look up the table has a sub-table behind it. The rest
// of the code, up to the longest one there, is added like extra bits to where it begins.
type entry uint32

const (
	literal   entry = 1 << 31
	special   entry = 1 << 15 // neither a literal nor a length nor a distance
	subTable  entry = 1 << 14 // together with special
	endOfData entry = 1 << 13 // likewise: of the block
	invalid         = special
)

func (e entry) is(f entry) bool { return e&f != 0 }
func (e entry) size() int       { return int(e & 63) }

// in returns the value of an entry that the next bits have.
func (e entry) in(w word) int {
	return int(e>>16&0x7fff) + int(w.next(e.size())>>(e>>8&31))
}

// word has the next bits of the input, the first one lowest. What is above the first n is what
// the input has there, or 0.
type word struct {
	bits uint64
	n    int
}

// fill reads on, so that there are 56 bits or more. src has 8 bytes at in, or more.
func (w word) fill(src []byte, in int) (word, int) {
	w.bits |= binary.LittleEndian.Uint64(src[in:]) << (w.n & 63)
	return word{w.bits, w.n | 56}, in + (63-w.n)>>3&7
}

func (w word) skip(n int) word { return word{w.bits >> (n & 63), w.n - n} }

// next returns the next n bits.
func (w word) next(n int) uint64 { return w.bits & (1<<(n&63) - 1) }

const (
	maxCode    = 15 // bits of a code (RFC 1951, section 3.2.7)
	maxOrder   = 7  // bits of a code for code lengths
	endOfBlock = 256

	symbolBits   = 11 // bits that look up literals and lengths
	distanceBits = 8

	// A table and its sub-tables are as long at most as zlib's program enough says for 288
	// and 32 symbols.
	symbolTable   = 2342
	distanceTable = 402
)

// symbol returns the entry of a literal or length (RFC 1951, section 3.2.5), without its code.
func symbol(n int) entry {
	switch {
	case n < endOfBlock:
		return literal | entry(n)<<16
	case n == endOfBlock:
		return special | endOfData
	case n == 285:
		return 258 << 16
	case n > 285:
		return invalid
	}
	n -= endOfBlock + 1
	if n < 8 {
		return entry(3+n) << 16
	}
	extra := n/4 - 1
	return entry(3+(4+n%4)<<extra)<<16 | entry(extra)
}

// distance returns the entry of a distance, likewise.
func distance(n int) entry {
	switch {
	case n < 4:
		return entry(1+n) << 16
	case n > 29:
		return invalid
	}
	extra := n/2 - 1
	return entry(1+(2+n%2)<<extra)<<16 | entry(extra)
}

// order returns the entry of a symbol of the code for code lengths.
func order(n int) entry { return entry(n) << 16 }

// codes are the codes of an alphabet, in the order of their lengths and values.
type codes struct {
	counts [maxCode + 1]int // of each length
	sorted [288]uint16      // symbols
}

// sort reads the lengths of the codes. It returns how many codes there are, and what they leave
// unused of all 2^15 codes of full length: less than nothing if there are too many.
func (c *codes) sort(lengths []uint8) (n, unused int) {
	c.counts = [maxCode + 1]int{}
	for _, l := range lengths {
		c.counts[l&maxCode]++
	}
	n = len(lengths) - c.counts[0]
	c.counts[0] = 0
	unused = 1 << maxCode
	var next [maxCode + 1]int
	for l := 1; l <= maxCode; l++ {
		next[l] = next[l-1] + c.counts[l-1]
		unused -= c.counts[l] << (maxCode - l)
	}
	for s, l := range lengths {
		if l > 0 {
			c.sorted[next[l&maxCode]] = uint16(s)
			next[l&maxCode]++
		}
	}
	return n, unused
}

// build makes a table of codes with the given lengths, which is looked up with width bits.
// It reports whether the codes are complete. As zlib does it takes no more than this: a single
// code of one bit and, of distances, no codes at all, if nothing else is needed.
func (c *codes) build(table []entry, width int, lengths []uint8, of func(int) entry) bool {
	n, unused := c.sort(lengths)
	if unused == 0 {
		c.fill(table, width, of)
		return true
	}
	head := table[:1<<width]
	for i := range head {
		head[i] = invalid
	}
	if n == 1 && c.counts[1] == 1 {
		for i := 0; i < len(head); i += 2 {
			head[i] = withCode(of(int(c.sorted[0])), 1)
		}
	}
	return n == c.counts[1] && unused > 0
}

// withCode returns an entry whose code has n bits.
func withCode(e entry, n int) entry { return e + entry(n)<<8 + entry(n) }

// fill makes a table of complete codes. The first bit of a code is its lowest.
func (c *codes) fill(table []entry, width int, of func(int) entry) {
	code, length, at := 0, 1, 0
	prefix, begin, end := -1, 0, 1<<width
	for {
		for c.counts[length] == 0 {
			length++
		}
		c.counts[length]--
		e, first, step := of(int(c.sorted[at])), code, 1<<length
		at++
		if length > width {
			if p := code & (1<<width - 1); p != prefix {
				size := c.subTable(length, width)
				prefix, begin = p, end
				end = begin + 1<<size
				table[prefix] = special | subTable | entry(begin)<<16 | entry(size)
			}
			e = withCode(e, length-width)
			first, step = begin+code>>width, step>>width
		} else {
			e = withCode(e, length)
		}
		for i := first; i < end; i += step {
			table[i] = e
		}
		if code == 1<<length-1 {
			return
		}
		// Add one to the code, from its highest bit on.
		carry := 1 << (bits.Len(uint(code^(1<<length-1))) - 1)
		code = code&(carry-1) | carry
	}
}

// subTable returns how many bits look up the sub-table that begins with a code of length bits,
// which has been taken off counts.
func (c *codes) subTable(length, width int) int {
	size := length - width
	for used := c.counts[length] + 1; used < 1<<size; {
		size++
		used = 2*used + c.counts[width+size]
	}
	return size
}
