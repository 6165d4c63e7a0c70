package archivetest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"slices"
	"testing"

	"github.com/orgexport/orgexport/archive"
)

// FuzzParts joins parts whose body or tail is any bytes, as they are and with the tail's check
// sum put right. Each must be refused or joined:
//
//	func FuzzTail(f *testing.F) { archivetest.FuzzParts(f, TarXz()) }
func FuzzParts(f *testing.F, format archive.Format) {
	k := &kit{Config: Config{Format: format}, pool: archive.NewPool(2), scratch: f.TempDir()}
	p := k.pack(f, newItem("a.yaml", text(10, 1)), newItem("b.yaml", text(1000, 2)))
	f.Add(p.body, p.tail)
	f.Add([]byte{}, p.tail)
	f.Add(p.body, p.tail[:len(p.tail)-1])
	f.Fuzz(func(t *testing.T, body, tail []byte) {
		records := tail[:max(0, len(tail)-4)]
		sum := crc32.Checksum(records, crc32.MakeTable(crc32.Castagnoli))
		for _, tail := range [][]byte{tail, binary.LittleEndian.AppendUint32(slices.Clip(records), sum)} {
			err := format.Join(t.Context(), io.Discard, archive.Options{}, func(j archive.Joiner) error {
				return j.Part(bytes.NewReader(body), bytes.NewReader(tail))
			})
			if err != nil && !errors.Is(err, archive.ErrPart) {
				t.Error(err)
			}
		}
	})
}
