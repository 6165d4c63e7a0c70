package archive

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"regexp"
	"time"
)

const (
	zipLocalSize   = 30
	zipCentralSize = 46

	zipDescriptorMagic = 0x08074b50

	zipEncrypted     = 1 << 0 // flags
	zipEffort        = 3 << 1 // how hard DEFLATE tried
	zipHasDescriptor = 1 << 3 // sizes follow the contents

	extraZip64   = 0x0001
	extraTime    = 0x5455
	extraUnicode = 0x7075 // Info-ZIP: the name in UTF-8

	zipNewest = 45 // version that files and folders of these kinds may need

	dosVolume  = 0x08 // attributes
	dosFolder  = 0x10
	dosDevice  = 0x40
	dosLink    = 0x400 // a reparse point of NTFS
	unixKind   = 0o170000
	unixFile   = 0o100000
	unixFolder = 0o040000
)

// zipEntry is what a header in an archive says about a file.
type zipEntry struct {
	zipHeader
	version     uint16 // needed to extract
	flags       uint16
	clock, date uint16
	stamp       int64 // of the time extra field, Unix seconds
	stamped     bool  // there is such a field
	external    uint32
}

// readCentral reads an entry of the central directory.
func readCentral(r io.Reader) (e zipEntry, err error) {
	b := make([]byte, zipCentralSize)
	if _, err = io.ReadFull(r, b); err != nil {
		return e, err
	}
	if binary.LittleEndian.Uint32(b) != zipCentralMagic {
		return e, damaged("the directory has no entry where it should")
	}
	if binary.LittleEndian.Uint16(b[34:]) != 0 {
		return e, damaged("the archive is one of several volumes")
	}
	e.external = binary.LittleEndian.Uint32(b[38:])
	e.offset = int64(binary.LittleEndian.Uint32(b[42:]))
	e.version = binary.LittleEndian.Uint16(b[6:])
	extra, err := e.readCommon(r, b[8:])
	if err != nil {
		return e, err
	}
	comment := int64(binary.LittleEndian.Uint16(b[32:]))
	if n, err := io.CopyN(io.Discard, r, comment); n < comment {
		return e, err
	}
	return e, e.readExtra(extra, &e.offset)
}

// readLocal reads a local header. n is the header's length.
func readLocal(r io.Reader) (e zipEntry, n int64, err error) {
	b := make([]byte, zipLocalSize)
	if _, err = io.ReadFull(r, b); err != nil {
		return e, 0, err
	}
	if binary.LittleEndian.Uint32(b) != zipLocalMagic {
		return e, 0, damaged("there is no file where the directory has one")
	}
	e.version = binary.LittleEndian.Uint16(b[4:])
	extra, err := e.readCommon(r, b[6:])
	if err != nil {
		return e, 0, err
	}
	n = int64(zipLocalSize + len(e.name) + len(extra))
	return e, n, e.readExtra(extra)
}

// readCommon takes the fields that both headers have from b, which begins with
// the flags. It reads the name and the extra field.
func (e *zipEntry) readCommon(r io.Reader, b []byte) (extra []byte, err error) {
	e.flags = binary.LittleEndian.Uint16(b)
	e.method = binary.LittleEndian.Uint16(b[2:])
	e.clock = binary.LittleEndian.Uint16(b[4:])
	e.date = binary.LittleEndian.Uint16(b[6:])
	e.crc = binary.LittleEndian.Uint32(b[8:])
	e.packed = int64(binary.LittleEndian.Uint32(b[12:]))
	e.raw = int64(binary.LittleEndian.Uint32(b[16:]))
	name := make([]byte, binary.LittleEndian.Uint16(b[20:]))
	extra = make([]byte, binary.LittleEndian.Uint16(b[22:]))
	if _, err := io.ReadFull(r, name); err != nil {
		return nil, err
	}
	e.name = string(name)
	_, err = io.ReadFull(r, extra)
	return extra, err
}

// readExtra reads the extra fields (APPNOTE 4.5), some of which replace fields of
// the header. An entry of the central directory also has an offset.
func (e *zipEntry) readExtra(extra []byte, offset ...*int64) error {
	name, seen := e.name, make(map[uint16]bool)
	for len(extra) >= 4 {
		id, size := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		if size > len(extra)-4 {
			return damaged("%q has an extra field that is cut", e.name)
		}
		field := extra[4 : 4+size]
		extra = extra[4+size:]
		switch id {
		case extraZip64, extraUnicode, extraTime:
			if seen[id] {
				return refuseUnsafe("%q has an extra field twice", e.name)
			}
			seen[id] = true
		}
		switch id {
		case extraZip64:
			if err := e.readZip64(field, offset); err != nil {
				return err
			}
		case extraUnicode:
			if size < 5 || field[0] != 1 || binary.LittleEndian.Uint32(field[1:]) != crc32.ChecksumIEEE([]byte(e.name)) {
				return damaged("%q has a second name that is not its own", e.name)
			}
			name = string(field[5:])
			if skeleton(name) != skeleton(e.name) {
				return refuseUnsafe("%q has another name, %q", e.name, name)
			}
		case extraTime:
			if size >= 5 && field[0]&1 != 0 {
				e.stamp, e.stamped = int64(int32(binary.LittleEndian.Uint32(field[1:]))), true
			}
		}
	}
	if len(bytes.TrimRight(extra, "\x00")) > 0 {
		return damaged("%q has an extra field that is cut", e.name)
	}
	e.name = name
	return nil
}

// notPlain matches what a name may have where the other name has characters
// beyond ASCII: bytes of any character set, or escapes of Info-ZIP.
var notPlain = regexp.MustCompile(`([^\x00-\x7f]|#U[0-9a-fA-F]{4}|#L[0-9a-fA-F]{6})+`)

// skeleton returns a name without characters beyond ASCII. It is the same for two
// names that differ only in how these are written.
func skeleton(name string) string { return notPlain.ReplaceAllLiteralString(name, "\x00") }

// readZip64 replaces the fields that have their largest value, in the order of
// APPNOTE 4.5.3.
func (e *zipEntry) readZip64(field []byte, offset []*int64) error {
	for _, v := range append([]*int64{&e.raw, &e.packed}, offset...) {
		if *v != max32 {
			continue
		}
		if len(field) < 8 {
			return damaged("%q has a zip64 field that is cut", e.name)
		}
		*v = int64(binary.LittleEndian.Uint64(field))
		if *v < 0 {
			return damaged("%q has a length out of range", e.name)
		}
		field = field[8:]
	}
	return nil
}

// agree returns an error if a local header and its entry in the directory
// differ. The local header may lack sizes that are in a data descriptor.
func agree(local, central zipEntry) error {
	later := central.flags&zipHasDescriptor != 0
	same := func(a, b int64) bool { return a == b || later && a == 0 }
	// Either of the two may have more that needs zip64 than the other.
	version := local.version == central.version || max(local.version, central.version) == zip64Since
	switch {
	case local.name != central.name:
		return refuseUnsafe("%q is %q in the directory", local.name, central.name)
	case !version, local.flags != central.flags, local.method != central.method,
		local.clock != central.clock, local.date != central.date,
		!same(int64(local.crc), int64(central.crc)), !same(local.raw, central.raw), !same(local.packed, central.packed),
		local.stamped && central.stamped && local.stamp != central.stamp:
		return refuseUnsafe("%q: its header and its directory entry do not agree", central.name)
	}
	return nil
}

// check refuses an entry that is neither a plain file nor a folder.
func (e zipEntry) check(folder bool) error {
	if e.flags&zipEncrypted != 0 {
		return damaged("%q is encrypted", e.name)
	}
	switch {
	case e.flags&^(zipEffort|zipHasDescriptor|zipUTF8) != 0:
		return damaged("%q has flags that are not supported (%#x)", e.name, e.flags)
	case e.version > zipNewest:
		return damaged("%q wants version %d.%d of the format", e.name, e.version/10, e.version%10)
	case e.method != methodStore && e.method != methodDeflate:
		return damaged("%q is packed in a way that is not supported (method %d)", e.name, e.method)
	case e.method == methodStore && e.raw != e.packed:
		return damaged("%q is stored with two lengths", e.name)
	case folder && e.raw != 0:
		return damaged("folder %q has contents", e.name)
	}
	kind, not := uint32(unixFile), uint32(dosVolume|dosDevice|dosLink|dosFolder)
	if folder {
		kind, not = unixFolder, dosVolume|dosDevice|dosLink
	}
	// Programs that know folders by their name only may set no kind at all.
	// Others read the kind whatever system the archive says it comes from.
	if mode := e.external >> 16 & unixKind; mode != 0 && mode != kind || e.external&not != 0 {
		return refuseUnsafe("%q is not the plain file or folder that its name tells", e.name)
	}
	return nil
}

// time returns the entry's time stamp. If there is no extra field it is the DOS
// time, which has no zone, as if that were in UTC.
func (e zipEntry) time() time.Time {
	if e.stamped {
		return time.Unix(e.stamp, 0).UTC()
	}
	return time.Date(int(e.date>>9)+1980, time.Month(e.date>>5&15), int(e.date&31),
		int(e.clock>>11), int(e.clock>>5&63), int(e.clock&31)*2, 0, time.UTC)
}

// skipDescriptor reads the data descriptor behind the contents (APPNOTE 4.3.9)
// and returns its length. It may have a signature or not, and sizes of four or,
// in zip64, eight bytes.
func (e zipEntry) skipDescriptor(r interface {
	io.Reader
	Peek(n int) ([]byte, error)
}) (int64, error) {
	for _, signed := range []bool{true, false} {
		for _, long := range []bool{false, true} {
			want := e.descriptor(signed, long)
			got, err := r.Peek(len(want))
			if err == nil && bytes.Equal(got, want) {
				n, err := io.CopyN(io.Discard, r, int64(len(want)))
				return n, err
			}
		}
	}
	return 0, damaged("%q: its data descriptor and its directory entry do not agree", e.name)
}

// descriptor returns what the data descriptor must be.
func (e zipEntry) descriptor(signed, long bool) []byte {
	var b []byte
	if signed {
		b = binary.LittleEndian.AppendUint32(b, zipDescriptorMagic)
	}
	b = binary.LittleEndian.AppendUint32(b, e.crc)
	for _, n := range []int64{e.packed, e.raw} {
		if long {
			b = binary.LittleEndian.AppendUint64(b, uint64(n))
		} else {
			b = binary.LittleEndian.AppendUint32(b, uint32(n))
		}
	}
	return b
}
