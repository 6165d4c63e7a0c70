// Package keytable has a hash table of any number of keys in a fixed amount of memory, for
// names of files and the like. What does not fit there goes to temporary files in sorted runs,
// so that the cost of a key hardly grows with their number.
package keytable

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"slices"
)

// Table maps keys to a mark and a value of a fixed size. Of a key it keeps 15 bytes of a
// SHA-256 only, over a random seed and the key, so that keys cannot be listed. A Table is for one
// goroutine. Make one with [New].
type Table struct {
	seeded  []byte // the seed, so that nobody can choose keys with the same place, and a key
	scratch string
	slot    int // bytes
	most    int // slots in memory

	// memory has slots, most of them empty. The place of a key is by the first bits of its
	// digest, or the next empty slot behind that, so that the slots are nearly sorted.
	memory []byte
	slots  int // a power of two
	used   int
	runs   []*run // the newest last; a key in memory, or in a newer run, takes the place of an older one

	entry  []byte // what Find has found
	at     int    // its place in memory
	exists bool   // it is in memory
}

const (
	keySize    = 15
	markAt     = keySize
	valueAt    = keySize + 1
	seedSize   = 16
	firstSlots = 1 << 8
	load       = 2 // slots are at least so many times the keys
)

// New returns an empty table with values of size bytes. Of memory it takes up to so many bytes,
// and about 1.5 for each key that is in a temporary file, in the folder scratch. It must be closed.
func New(scratch string, size, memory int) *Table {
	t := &Table{scratch: scratch, slot: valueAt + size, slots: firstSlots}
	t.most = 1 << (bits.Len(uint(max(firstSlots, memory/t.slot))) - 1)
	t.memory = make([]byte, t.slots*t.slot)
	t.entry = make([]byte, t.slot)
	t.seeded = make([]byte, seedSize)
	_, _ = rand.Read(t.seeded) // it never fails
	return t
}

// Entry is what the table has of a key. It is a copy, which the next Find overwrites.
type Entry struct{ slot []byte }

// Mark returns the key's mark, or 0 if it is not in the table.
func (e Entry) Mark() byte { return e.slot[markAt] }

// Value returns the key's value, to be read or changed before [Table.Put].
func (e Entry) Value() []byte { return e.slot[valueAt:] }

// Find returns the entry of a key. After an error, which is that of a temporary file, the
// table is of no more use.
func (t *Table) Find(key string) (Entry, error) {
	if (t.used+1)*load > t.slots {
		if err := t.makeRoom(); err != nil {
			return Entry{}, err
		}
	}
	t.seeded = append(t.seeded[:seedSize], key...)
	digest := sha256.Sum256(t.seeded)
	t.at, t.exists = t.seek(digest[:keySize])
	if t.exists {
		copy(t.entry, t.inMemory(t.at))
		return Entry{t.entry}, nil
	}
	for _, r := range slices.Backward(t.runs) {
		found, err := r.find(digest[:keySize], t.entry)
		if err != nil || found {
			return Entry{t.entry}, err
		}
	}
	clear(t.entry)
	copy(t.entry, digest[:keySize])
	return Entry{t.entry}, nil
}

// Put writes back the entry that Find returned last, with a mark, which must not be 0.
func (t *Table) Put(mark byte) {
	t.entry[markAt] = mark
	copy(t.inMemory(t.at), t.entry)
	if !t.exists {
		t.used++
		t.exists = true
	}
}

func (t *Table) inMemory(i int) []byte { return t.memory[i*t.slot : (i+1)*t.slot] }

// seek returns where a key is in memory, or where it would be.
func (t *Table) seek(key []byte) (at int, exists bool) {
	shift := 64 - bits.Len(uint(t.slots-1))
	for i := int(binary.BigEndian.Uint64(key) >> shift); ; i++ {
		at = i & (t.slots - 1)
		slot := t.inMemory(at)
		if slot[markAt] == 0 {
			return at, false
		}
		if bytes.Equal(slot[:keySize], key) {
			return at, true
		}
	}
}

// makeRoom doubles the slots in memory, or empties them into a run.
func (t *Table) makeRoom() error {
	if t.slots*2 > t.most {
		return t.spill()
	}
	old := *t
	t.slots *= 2
	t.memory = make([]byte, t.slots*t.slot)
	for i := range old.slots {
		if slot := old.inMemory(i); slot[markAt] != 0 {
			at, _ := t.seek(slot[:keySize])
			copy(t.inMemory(at), slot)
		}
	}
	return nil
}

// spill moves what is in memory into a run.
func (t *Table) spill() error {
	n := 0
	for i := range t.slots {
		if slot := t.inMemory(i); slot[markAt] != 0 {
			copy(t.inMemory(n), slot)
			n++
		}
	}
	r, err := newRun(t.scratch, t.memory[:n*t.slot], t.slot)
	if err != nil {
		return err
	}
	t.runs = append(t.runs, r)
	clear(t.memory)
	t.used = 0
	return nil
}

// Close gives the space back.
func (t *Table) Close() {
	for _, r := range t.runs {
		r.close()
	}
	t.memory, t.runs = nil, nil
}
