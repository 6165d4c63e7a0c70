// Package inflate unpacks DEFLATE (RFC 1951) from one buffer into another. What is unpacked
// has a known size and nothing before it, so nothing is kept but the buffers: matches are
// copied inside of the result.
package inflate

import (
	"encoding/binary"
	"errors"
)

// Errors of Unpack.
var (
	errCut      = errors.New("inflate: blocks are cut")
	errBlock    = errors.New("inflate: block of an unknown kind")
	errStored   = errors.New("inflate: stored block has a wrong length")
	errCodes    = errors.New("inflate: codes are wrong")
	errCode     = errors.New("inflate: code without a meaning")
	errDistance = errors.New("inflate: match begins before the data")
	errLong     = errors.New("inflate: data is too long")
	errShort    = errors.New("inflate: data is too short")
	errBehind   = errors.New("inflate: bytes behind the last block")
)

// Decoder unpacks. Its zero value is ready for use, and it allocates nothing. One goroutine may
// use it at a time.
type Decoder struct {
	dst, src []byte
	out, in  int // how far they are written and read
	word         // read from src and not used yet

	fixed     bool // the tables are those of blocks with fixed codes
	symbols   [symbolTable]entry
	distances [distanceTable]entry
	orders    [1 << maxOrder]entry
	codes     codes
	lengths   [288 + 32]uint8
}

// Unpack unpacks whole blocks from src. They must fill dst, and end with a whole byte at the end
// of src. Unpack reports whether the last block is marked as the last, after which nothing
// may follow. If it returns an error, the contents of dst are of no use.
func (d *Decoder) Unpack(dst, src []byte) (last bool, err error) {
	d.dst, d.src, d.out, d.in, d.word = dst, src, 0, 0, word{}
	for !last && (d.n > 0 || d.in < len(d.src)) {
		if last, err = d.block(); err != nil {
			break
		}
	}
	if err == nil {
		err = d.end()
	}
	d.dst, d.src = nil, nil
	return last && err == nil, err
}

// end looks that nothing is left. The bits behind the last block, up to a whole byte, are free.
func (d *Decoder) end() error {
	switch {
	case d.in < len(d.src) || d.n >= 8:
		return errBehind
	case d.out < len(d.dst):
		return errShort
	}
	return nil
}

// block unpacks a block (RFC 1951, section 3.2.3).
func (d *Decoder) block() (last bool, err error) {
	head, err := d.take(3)
	if err != nil {
		return false, err
	}
	last = head&1 == 1
	switch head >> 1 {
	case 0:
		return last, d.stored()
	case 1:
		d.fixedCodes()
	case 2:
		if err := d.dynamicCodes(); err != nil {
			return false, err
		}
	default:
		return false, errBlock
	}
	return last, d.data()
}

// read reads as many bits as fit, one byte after the other.
func (d *Decoder) read() {
	for d.n < 56 && d.in < len(d.src) {
		d.bits |= uint64(d.src[d.in]) << (d.n & 63)
		d.in++
		d.n += 8
	}
}

// take returns the next n bits, 16 at most.
func (d *Decoder) take(n int) (int, error) {
	if d.n < n {
		if d.read(); d.n < n {
			return 0, errCut
		}
	}
	v := d.next(n)
	d.word = d.skip(n)
	return int(v), nil
}

// stored copies a block that is not packed (section 3.2.4).
func (d *Decoder) stored() error {
	d.in -= d.n / 8
	d.word = word{}
	rest := d.src[d.in:]
	if len(rest) < 4 {
		return errCut
	}
	n := int(binary.LittleEndian.Uint16(rest))
	if n^0xffff != int(binary.LittleEndian.Uint16(rest[2:])) {
		return errStored
	}
	rest = rest[4:]
	if n > len(rest) {
		return errCut
	}
	if n > len(d.dst)-d.out {
		return errLong
	}
	d.out += copy(d.dst[d.out:], rest[:n])
	d.in += 4 + n
	return nil
}

// fixedCodes makes the tables of section 3.2.6.
func (d *Decoder) fixedCodes() {
	if d.fixed {
		return
	}
	for i := range d.lengths[:288] {
		switch {
		case i < 144:
			d.lengths[i] = 8
		case i < 256:
			d.lengths[i] = 9
		case i < 280:
			d.lengths[i] = 7
		default:
			d.lengths[i] = 8
		}
	}
	d.codes.build(d.symbols[:], symbolBits, d.lengths[:288], symbol)
	for i := range 32 {
		d.lengths[i] = 5
	}
	d.codes.build(d.distances[:], distanceBits, d.lengths[:32], distance)
	d.fixed = true
}

// lengthsOrder is the order in which a block has the lengths of the codes for lengths.
var lengthsOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// dynamicCodes reads the codes of a block (section 3.2.7).
func (d *Decoder) dynamicCodes() error {
	head, err := d.take(14)
	if err != nil {
		return err
	}
	symbols, distances, orders := 257+head&31, 1+head>>5&31, 4+head>>10
	if symbols > 286 || distances > 30 {
		return errCodes
	}
	d.fixed = false
	var lengths [19]uint8
	for _, i := range lengthsOrder[:orders] {
		l, err := d.take(3)
		if err != nil {
			return err
		}
		lengths[i] = uint8(l)
	}
	if _, unused := d.codes.sort(lengths[:]); unused != 0 {
		return errCodes
	}
	d.codes.fill(d.orders[:], maxOrder, order)
	if err := d.readLengths(d.lengths[:symbols+distances]); err != nil {
		return err
	}
	if d.lengths[endOfBlock] == 0 ||
		!d.codes.build(d.symbols[:], symbolBits, d.lengths[:symbols], symbol) ||
		!d.codes.build(d.distances[:], distanceBits, d.lengths[symbols:symbols+distances], distance) {
		return errCodes
	}
	return nil
}

// readLengths reads the lengths of codes, which are packed, too.
func (d *Decoder) readLengths(lengths []uint8) error {
	for i := 0; i < len(lengths); {
		d.read()
		e := d.orders[d.next(maxOrder)]
		if d.word = d.skip(e.size()); d.n < 0 {
			return errCut
		}
		n := int(e >> 16)
		if n < 16 {
			lengths[i] = uint8(n)
			i++
			continue
		}
		var again uint8
		var err error
		switch n {
		case 16:
			if i == 0 {
				return errCodes
			}
			again = lengths[i-1]
			n, err = d.take(2)
			n += 3
		case 17:
			n, err = d.take(3)
			n += 3
		default:
			n, err = d.take(7)
			n += 11
		}
		if err != nil {
			return err
		}
		if n > len(lengths)-i {
			return errCodes
		}
		for range n {
			lengths[i] = again
			i++
		}
	}
	return nil
}
