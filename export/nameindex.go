package export

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"path"

	"github.com/orgexport/orgexport/archive"
)

// nameIndex remembers the names of one section to tell duplicates. It is a
// hash table of 16-byte slots: 15 bytes of a SHA-256 and what the name is. Up
// to a small size it is in memory, beyond that in a temporary file, so that a
// section may have any number of files.
type nameIndex struct {
	scratch string
	memory  []byte
	file    *archive.TempFile
	slots   uint64 // a power of two
	used    uint64
	parent  string // folder of the last name, known to be fine
}

const (
	slotSize     = 16
	memorySlots  = 1 << 18 // 4 MiB
	firstSlots   = 1 << 8
	kindFile     = 1
	kindFolder   = 2
	kindGone     = 3 // was a file that did not come to be
	maxIndexLoad = 2 // slots are at least this many times the names
)

func newNameIndex(scratch string) *nameIndex {
	return &nameIndex{scratch: scratch, slots: firstSlots, memory: make([]byte, firstSlots*slotSize)}
}

// add notes a file name. It returns a *NameError if the name, or one that some
// file system takes for the same, is there already, or is a folder of another,
// or goes through a file.
func (x *nameIndex) add(name string) error {
	folded := FoldName(name)
	dir := path.Dir(folded)
	if dir != "." && dir != x.parent {
		for _, folder := range parents(folded) {
			kind, err := x.put(folder, kindFolder)
			if err != nil {
				return err
			}
			if kind == kindFile {
				return &NameError{name, "goes through a name that is a file"}
			}
		}
	}
	x.parent = dir
	kind, err := x.put(folded, kindFile)
	if err != nil {
		return err
	}
	switch kind {
	case kindFile:
		return &NameError{name, "is used twice in its section (upper and lower case do not differ)"}
	case kindFolder:
		return &NameError{name, "is a folder already"}
	}
	return nil
}

// forget makes a name that was added usable again.
func (x *nameIndex) forget(name string) error {
	slot := newSlot(FoldName(name), kindGone)
	at, _, err := x.find(slot)
	if err != nil {
		return err
	}
	return x.write(slot[:], at)
}

// put inserts a name and returns 0, or what the name is already.
func (x *nameIndex) put(name string, kind byte) (byte, error) {
	if (x.used+1)*maxIndexLoad > x.slots {
		if err := x.grow(); err != nil {
			return 0, err
		}
	}
	slot := newSlot(name, kind)
	at, found, err := x.find(slot)
	switch {
	case err != nil:
		return 0, err
	case found == kindFile, found == kindFolder:
		return found, nil
	case found == 0:
		x.used++
	}
	return 0, x.write(slot[:], at)
}

func newSlot(name string, kind byte) (slot [slotSize]byte) {
	digest := sha256.Sum256([]byte(name))
	copy(slot[:], digest[:slotSize-1])
	slot[slotSize-1] = kind
	return slot
}

// find returns where the name of slot is and its kind there, or where it
// would go and 0.
func (x *nameIndex) find(slot [slotSize]byte) (at int64, kind byte, err error) {
	for i := binary.LittleEndian.Uint64(slot[:]); ; i++ {
		at = int64(i & (x.slots - 1) * slotSize)
		var there [slotSize]byte
		if err := x.read(there[:], at); err != nil {
			return 0, 0, err
		}
		kind := there[slotSize-1]
		if kind == 0 || bytes.Equal(there[:slotSize-1], slot[:slotSize-1]) {
			return at, kind, nil
		}
	}
}

// grow moves everything into a table four times as large.
func (x *nameIndex) grow() error {
	next := &nameIndex{scratch: x.scratch, slots: x.slots * 4}
	if next.slots <= memorySlots {
		next.memory = make([]byte, next.slots*slotSize)
	} else {
		f, err := archive.NewTempFile(x.scratch)
		if err != nil {
			return err
		}
		next.file = f
		if err := f.Truncate(int64(next.slots * slotSize)); err != nil { // zeros, without taking space
			next.close()
			return err
		}
	}
	var chunk [256 * slotSize]byte
	for at := int64(0); at < int64(x.slots*slotSize); at += int64(len(chunk)) {
		if err := x.read(chunk[:], at); err != nil {
			next.close()
			return err
		}
		for b := chunk[:]; len(b) > 0; b = b[slotSize:] {
			if b[slotSize-1] == 0 {
				continue
			}
			at, _, err := next.find([slotSize]byte(b))
			if err == nil {
				err = next.write(b[:slotSize], at)
			}
			if err != nil {
				next.close()
				return err
			}
		}
	}
	x.close()
	x.memory, x.file, x.slots = next.memory, next.file, next.slots
	return nil
}

func (x *nameIndex) read(b []byte, at int64) error {
	if x.file == nil {
		copy(b, x.memory[at:])
		return nil
	}
	_, err := x.file.ReadAt(b, at)
	return err
}

func (x *nameIndex) write(b []byte, at int64) error {
	if x.file == nil {
		copy(x.memory[at:], b)
		return nil
	}
	_, err := x.file.WriteAt(b, at)
	return err
}

// close gives the space back.
func (x *nameIndex) close() {
	if x.file != nil {
		_ = x.file.Close() // of no more use
		x.file = nil
	}
}
