package archive

import (
	"encoding/binary"
	"math"
	"time"
	"unicode/utf8"
)

const (
	methodStore   = 0
	methodDeflate = 8

	zipLocalMagic   = 0x04034b50
	zipCentralMagic = 0x02014b50
	zipEndMagic     = 0x06054b50
	zip64EndMagic   = 0x06064b50
	zip64FindMagic  = 0x07064b50

	zipUTF8    = 1 << 11        // flag: the name is UTF-8
	zipVersion = 20             // DEFLATE and folders
	zip64Since = 45             // zip64 records
	zipUnix    = 3 << 8         // made by: external attributes are a Unix mode
	zipMode    = 0o100644 << 16 // a regular file

	max16 = math.MaxUint16
	max32 = math.MaxUint32
)

// zipHeader holds what both headers of a file are made from: the local header
// before its contents and the header in the central directory.
type zipHeader struct {
	name     string
	modified int64 // Unix seconds
	method   uint16
	crc      uint32
	raw      int64
	packed   int64
	offset   int64 // of the local header
}

func newZipHeader(e Entry, method uint16, crc uint32, raw, packed int64) zipHeader {
	return zipHeader{name: e.Name, modified: e.ModTime.Unix(), method: method, crc: crc, raw: raw, packed: packed}
}

// large reports whether the sizes need zip64.
func (h zipHeader) large() bool { return h.raw >= max32 || h.packed >= max32 }

// local returns the local header (APPNOTE 4.3.7). If one size needs zip64, both
// are in the extra field (4.5.3).
func (h zipHeader) local() []byte {
	extra := h.timeExtra()
	version, raw, packed := uint16(zipVersion), uint32(h.raw), uint32(h.packed)
	if h.large() {
		version, raw, packed = zip64Since, max32, max32
		extra = append(zip64Extra(h.raw, h.packed), extra...)
	}
	b := binary.LittleEndian.AppendUint32(nil, zipLocalMagic)
	b = binary.LittleEndian.AppendUint16(b, version)
	b = h.common(b, raw, packed, len(extra))
	b = append(b, h.name...)
	return append(b, extra...)
}

// central returns the header in the central directory (APPNOTE 4.3.12).
func (h zipHeader) central() []byte {
	extra := h.timeExtra()
	version, raw, packed, offset := uint16(zipVersion), uint32(h.raw), uint32(h.packed), uint32(h.offset)
	var big []int64
	if h.raw >= max32 {
		raw, big = max32, append(big, h.raw)
	}
	if h.packed >= max32 {
		packed, big = max32, append(big, h.packed)
	}
	if h.offset >= max32 {
		offset, big = max32, append(big, h.offset)
	}
	if len(big) > 0 {
		version = zip64Since
		extra = append(zip64Extra(big...), extra...)
	}
	b := binary.LittleEndian.AppendUint32(nil, zipCentralMagic)
	b = binary.LittleEndian.AppendUint16(b, zipUnix|zip64Since)
	b = binary.LittleEndian.AppendUint16(b, version)
	b = h.common(b, raw, packed, len(extra))
	b = append(b, 0, 0, 0, 0, 0, 0) // no comment, disk 0, no internal attributes
	b = binary.LittleEndian.AppendUint32(b, zipMode)
	b = binary.LittleEndian.AppendUint32(b, offset)
	b = append(b, h.name...)
	return append(b, extra...)
}

// common appends the fields that both headers have, in the same order.
func (h zipHeader) common(b []byte, raw, packed uint32, extra int) []byte {
	var flags uint16
	for i := range len(h.name) {
		if h.name[i] >= utf8.RuneSelf {
			flags = zipUTF8
			break
		}
	}
	date, clock := dosTime(h.modified)
	b = binary.LittleEndian.AppendUint16(b, flags)
	b = binary.LittleEndian.AppendUint16(b, h.method)
	b = binary.LittleEndian.AppendUint16(b, clock)
	b = binary.LittleEndian.AppendUint16(b, date)
	b = binary.LittleEndian.AppendUint32(b, h.crc)
	b = binary.LittleEndian.AppendUint32(b, packed)
	b = binary.LittleEndian.AppendUint32(b, raw)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(h.name)))
	return binary.LittleEndian.AppendUint16(b, uint16(extra))
}

// timeExtra returns Info-ZIP's extended time stamp, which unlike DOS time is in
// UTC. Some readers take its 32 bits for signed and others for unsigned, so it
// is left out for times that these understand differently.
func (h zipHeader) timeExtra() []byte {
	if h.modified < 0 || h.modified > math.MaxInt32 {
		return nil
	}
	return binary.LittleEndian.AppendUint32([]byte{'U', 'T', 5, 0, 1}, uint32(h.modified))
}

// zip64Extra returns the extra field with the sizes that need zip64.
func zip64Extra(sizes ...int64) []byte {
	b := binary.LittleEndian.AppendUint16([]byte{1, 0}, uint16(8*len(sizes)))
	for _, n := range sizes {
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
	}
	return b
}

// dosTime returns a time as DOS stores it. DOS knows the years 1980 to 2107 and
// even seconds.
func dosTime(unix int64) (date, clock uint16) {
	t := time.Unix(unix, 0).UTC()
	switch {
	case t.Year() < 1980:
		return 1<<5 | 1, 0
	case t.Year() > 2107:
		return 127<<9 | 12<<5 | 31, 23<<11 | 59<<5 | 29
	}
	date = uint16((t.Year()-1980)<<9 | int(t.Month())<<5 | t.Day())
	clock = uint16(t.Hour()<<11 | t.Minute()<<5 | t.Second()/2)
	return date, clock
}

// record returns the header as a record of a part's tail. Its offset is that in
// the body.
func (h zipHeader) record() []byte {
	b := binary.AppendUvarint(nil, uint64(len(h.name)))
	b = append(b, h.name...)
	b = binary.AppendVarint(b, h.modified)
	for _, v := range []uint64{uint64(h.method), uint64(h.crc), uint64(h.raw), uint64(h.packed), uint64(h.offset)} {
		b = binary.AppendUvarint(b, v)
	}
	return b
}

// readZipRecord reads what record wrote.
func readZipRecord(t *tailReader) (h zipHeader, err error) {
	n, err := t.uvarint()
	if err != nil {
		return h, err
	}
	if n > max16 {
		return h, refuse("name of %d bytes", n)
	}
	name, err := t.bytes(int(n))
	if err != nil {
		return h, err
	}
	h.name = string(name)
	if h.modified, err = binary.ReadVarint(t); err != nil {
		return h, cut(err)
	}
	var method, crc int64
	for _, field := range []*int64{&method, &crc, &h.raw, &h.packed, &h.offset} {
		if *field, err = t.length(); err != nil {
			return h, err
		}
	}
	if crc > max32 || method != methodStore && method != methodDeflate {
		return h, refuse("no file record")
	}
	h.method, h.crc = uint16(method), uint32(crc)
	return h, nil
}
