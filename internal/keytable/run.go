package keytable

import (
	"bytes"
	"encoding/binary"
	"sort"

	"github.com/orgexport/orgexport/archive"
)

// run is slots in a temporary file, sorted by their keys. A filter in memory tells of most keys
// that are not there, and an index in which block one would be.
type run struct {
	file   *archive.TempFile
	slot   int
	slots  int
	first  []byte // the first key of each block
	block  []byte // what find reads
	filter []uint64
}

const (
	blockSlots  = 128
	bitsPerKey  = 10
	bitsOfKey   = 5 // of which so many are set: one in a hundred other keys has them all
	keysPerWord = 64 / bitsPerKey
)

// newRun sorts slots, none of which is empty, and writes them to a file.
func newRun(scratch string, slots []byte, slot int) (*run, error) {
	s := sorted{slots: slots, slot: slot, swap: make([]byte, slot)}
	sort.Sort(s)
	r := &run{
		slot: slot, slots: s.Len(),
		block:  make([]byte, blockSlots*slot),
		filter: make([]uint64, s.Len()/keysPerWord+1),
	}
	for i := range r.slots {
		key := s.key(i)
		if i%blockSlots == 0 {
			r.first = append(r.first, key...)
		}
		r.eachBit(key, func(word *uint64, bit uint64) bool { *word |= bit; return true })
	}
	file, err := archive.NewTempFile(scratch)
	if err != nil {
		return nil, err
	}
	if _, err := file.Write(slots); err != nil {
		_ = file.Close()
		return nil, err
	}
	r.file = file
	return r, nil
}

// eachBit calls fn with the bits of a key in the filter, as long as it returns true.
func (r *run) eachBit(key []byte, fn func(word *uint64, bit uint64) bool) bool {
	at, step := binary.BigEndian.Uint64(key), binary.BigEndian.Uint64(key[keySize-8:])|1
	for range bitsOfKey {
		at += step
		bit := at % uint64(64*len(r.filter))
		if !fn(&r.filter[bit/64], 1<<(bit%64)) {
			return false
		}
	}
	return true
}

// find reads the slot of a key into dst, and reports whether it is there.
func (r *run) find(key, dst []byte) (bool, error) {
	if !r.eachBit(key, func(word *uint64, bit uint64) bool { return *word&bit != 0 }) {
		return false, nil
	}
	blocks := len(r.first) / keySize
	block := sort.Search(blocks, func(i int) bool { return bytes.Compare(r.first[i*keySize:(i+1)*keySize], key) > 0 }) - 1
	if block < 0 {
		return false, nil
	}
	n := min(blockSlots, r.slots-block*blockSlots)
	if _, err := r.file.ReadAt(r.block[:n*r.slot], int64(block)*blockSlots*int64(r.slot)); err != nil {
		return false, err
	}
	i := sort.Search(n, func(i int) bool { return bytes.Compare(r.block[i*r.slot:i*r.slot+keySize], key) >= 0 })
	if i == n || !bytes.Equal(r.block[i*r.slot:i*r.slot+keySize], key) {
		return false, nil
	}
	copy(dst, r.block[i*r.slot:(i+1)*r.slot])
	return true, nil
}

func (r *run) close() { _ = r.file.Close() } // of no more use

// sorted sorts slots by their keys.
type sorted struct {
	slots []byte
	slot  int
	swap  []byte
}

func (s sorted) key(i int) []byte   { return s.slots[i*s.slot : i*s.slot+keySize] }
func (s sorted) Len() int           { return len(s.slots) / s.slot }
func (s sorted) Less(i, j int) bool { return bytes.Compare(s.key(i), s.key(j)) < 0 }

func (s sorted) Swap(i, j int) {
	a, b := s.slots[i*s.slot:(i+1)*s.slot], s.slots[j*s.slot:(j+1)*s.slot]
	copy(s.swap, a)
	copy(a, b)
	copy(b, s.swap)
}
