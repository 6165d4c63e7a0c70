package verify

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"

	"github.com/orgexport/orgexport/archive"
)

// table is a hash table of fixed-size slots: 15 bytes of the SHA-256 of a key,
// a mark, and a value. Up to a small size it is in memory, beyond that in a
// temporary file.
type table struct {
	scratch string
	slot    int64 // bytes
	slots   uint64
	used    uint64
	memory  []byte
	file    *archive.TempFile
}

const (
	keySize     = 15
	markAt      = keySize
	valueAt     = keySize + 1
	firstSlots  = 1 << 8
	tableMemory = 4 << 20 // bytes
)

// newTable makes a table with values of a size.
func newTable(scratch string, value int) *table {
	t := &table{scratch: scratch, slot: int64(valueAt + value), slots: firstSlots}
	t.memory = make([]byte, int64(t.slots)*t.slot)
	return t
}

// entry is a slot of a table.
type entry struct {
	at   int64
	slot []byte
}

// mark is what is known of the key, 0 if it is not in the table.
func (e entry) mark() byte    { return e.slot[markAt] }
func (e entry) value() []byte { return e.slot[valueAt:] }

// find returns the entry of a key. Until [table.put] it is a copy.
func (t *table) find(key string) (entry, error) {
	if (t.used+1)*2 > t.slots {
		if err := t.grow(); err != nil {
			return entry{}, err
		}
	}
	digest := sha256.Sum256([]byte(key))
	return t.seek(digest[:keySize])
}

func (t *table) seek(key []byte) (entry, error) {
	slot := make([]byte, t.slot)
	for i := binary.LittleEndian.Uint64(key); ; i++ {
		at := int64(i&(t.slots-1)) * t.slot
		if err := t.read(slot, at); err != nil {
			return entry{}, err
		}
		if slot[markAt] == 0 {
			copy(slot, key)
			return entry{at, slot}, nil
		}
		if bytes.Equal(slot[:keySize], key) {
			return entry{at, slot}, nil
		}
	}
}

// put writes the entry back with a mark, which must not be 0. No other key may
// have been put since the entry was found.
func (t *table) put(e entry, mark byte) error {
	if e.slot[markAt] == 0 {
		t.used++
	}
	e.slot[markAt] = mark
	return t.write(e.slot, e.at)
}

// grow moves everything into a table four times as large.
func (t *table) grow() error {
	next := &table{scratch: t.scratch, slot: t.slot, slots: t.slots * 4, used: t.used}
	if size := int64(next.slots) * t.slot; size <= tableMemory {
		next.memory = make([]byte, size)
	} else {
		f, err := archive.NewTempFile(t.scratch)
		if err != nil {
			return err
		}
		next.file = f
		if err := f.Truncate(size); err != nil { // zeros, without taking space
			next.close()
			return err
		}
	}
	if err := t.copyTo(next); err != nil {
		next.close()
		return err
	}
	t.close()
	*t = *next
	return nil
}

func (t *table) copyTo(next *table) error {
	chunk := make([]byte, firstSlots*t.slot)
	for at := int64(0); at < int64(t.slots)*t.slot; at += int64(len(chunk)) {
		if err := t.read(chunk, at); err != nil {
			return err
		}
		for b := chunk; len(b) > 0; b = b[t.slot:] {
			if b[markAt] == 0 {
				continue
			}
			e, err := next.seek(b[:keySize])
			if err == nil {
				err = next.write(b[:t.slot], e.at)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *table) read(b []byte, at int64) error {
	if t.file == nil {
		copy(b, t.memory[at:])
		return nil
	}
	_, err := t.file.ReadAt(b, at)
	return err
}

func (t *table) write(b []byte, at int64) error {
	if t.file == nil {
		copy(t.memory[at:], b)
		return nil
	}
	_, err := t.file.WriteAt(b, at)
	return err
}

// close gives the space back.
func (t *table) close() {
	if t.file != nil {
		_ = t.file.Close() // of no more use
		t.file = nil
	}
}
