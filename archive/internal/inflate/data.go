package inflate

import "encoding/binary"

const (
	// An iteration of the fast loop reads two words at most: it goes on where the second one
	// begins at most 8 bytes later.
	fastIn = 16

	// It writes two literals and a match, which is written in words.
	fastOut = 2 + 258 + 16
)

// data unpacks the data of a block with the tables.
func (d *Decoder) data() error {
	if len(d.src)-d.in >= fastIn && len(d.dst)-d.out >= fastOut {
		if ended, err := d.fast(); ended || err != nil {
			return err
		}
	}
	for {
		if ended, err := d.careful(); ended || err != nil {
			return err
		}
	}
}

// careful unpacks a symbol, and reports whether it was the end of the block.
func (d *Decoder) careful() (ended bool, err error) {
	d.read() // this is enough for a length and a distance
	e := d.lookUp(d.symbols[:], symbolBits)
	value := e.in(d.word)
	d.word = d.skip(e.size())
	switch {
	case d.n < 0:
		return false, errCut
	case e.is(endOfData):
		return true, nil
	case e.is(special):
		return false, errCode
	case e.is(literal):
		if d.out == len(d.dst) {
			return false, errLong
		}
		d.dst[d.out] = byte(value)
		d.out++
		return false, nil
	}
	return false, d.match(value)
}

// match copies what a distance behind a length tells.
func (d *Decoder) match(length int) error {
	e := d.lookUp(d.distances[:], distanceBits)
	distance := e.in(d.word)
	d.word = d.skip(e.size())
	switch {
	case d.n < 0:
		return errCut
	case e.is(special):
		return errCode
	case distance > d.out:
		return errDistance
	case length > len(d.dst)-d.out:
		return errLong
	}
	for range length {
		d.dst[d.out] = d.dst[d.out-distance]
		d.out++
	}
	return nil
}

// lookUp returns the entry of the next code, of which it passes over the part before a sub-table.
func (d *Decoder) lookUp(table []entry, width int) entry {
	e := table[d.next(width)]
	if e.is(subTable) {
		d.word = d.skip(width)
		e = table[e.in(d.word)]
	}
	return e
}

// fast unpacks symbols as long as there is room in both buffers for whatever comes, and reports
// whether the block has ended. It does what careful does, with all in variables.
func (d *Decoder) fast() (ended bool, err error) {
	dst, src, out, in, w := d.dst, d.src, d.out, d.in, d.word
	symbols, distances := &d.symbols, &d.distances
	lastIn, lastOut := len(src)-fastIn, len(dst)-fastOut
	w, in = w.fill(src, in)
	e := symbols[w.next(symbolBits)]
	for in <= lastIn && out <= lastOut {
		w, in = w.fill(src, in)
		if e.is(literal) {
			dst[out] = byte(e >> 16)
			out++
			w = w.skip(e.size())
			if e = symbols[w.next(symbolBits)]; e.is(literal) {
				dst[out] = byte(e >> 16)
				out++
				w = w.skip(e.size())
				e = symbols[w.next(symbolBits)]
			}
		}
		if e.is(subTable) {
			w = w.skip(symbolBits)
			e = symbols[e.in(w)]
		}
		value := e.in(w)
		w = w.skip(e.size())
		if e.is(literal | special) {
			if e.is(literal) {
				dst[out] = byte(value)
				out++
				e = symbols[w.next(symbolBits)]
				continue
			}
			if ended = e.is(endOfData); ended {
				break
			}
			return false, errCode
		}

		if w.n < maxCode+13+symbolBits {
			w, in = w.fill(src, in)
		}
		f := distances[w.next(distanceBits)]
		if f.is(subTable) {
			w = w.skip(distanceBits)
			f = distances[f.in(w)]
		}
		distance := f.in(w)
		w = w.skip(f.size())
		e = symbols[w.next(symbolBits)] // begins to load while the match is copied
		if f.is(special) {
			return false, errCode
		}
		if distance > out {
			return false, errDistance
		}
		copyMatch(dst, out, distance, value)
		out += value
	}
	d.out, d.in, d.word = out, in, w
	return ended, nil
}

// copyMatch copies a match in words of 8 bytes, and so up to 15 bytes more than its length.
func copyMatch(dst []byte, out, distance, length int) {
	from, end := out-distance, out+length
	for distance < 8 { // what is written repeats itself, so twice the distance will do
		binary.LittleEndian.PutUint64(dst[out:], binary.LittleEndian.Uint64(dst[from:]))
		out += distance
		distance *= 2
	}
	for {
		to, of := dst[out:out+16], dst[from:from+16]
		binary.LittleEndian.PutUint64(to, binary.LittleEndian.Uint64(of))
		binary.LittleEndian.PutUint64(to[8:], binary.LittleEndian.Uint64(of[8:]))
		if out += 16; out >= end {
			return
		}
		from += 16
	}
}
