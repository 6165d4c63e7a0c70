package archivetest

import (
	"bytes"
	"errors"
	"io"
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
		for _, tail := range [][]byte{tail, resum(tail)} {
			err := format.Join(t.Context(), io.Discard, archive.Options{}, func(j archive.Joiner) error {
				return j.Part(bytes.NewReader(body), bytes.NewReader(tail))
			})
			if err != nil && !errors.Is(err, archive.ErrPart) {
				t.Error(err)
			}
		}
	})
}

// FuzzPieces joins files of a piece whose body, tail and numbers are any, as they are and with the
// tail's check sums put right. Each must be refused, or be in the archive as it says:
//
//	func FuzzPiece(f *testing.F) { archivetest.FuzzPieces(f, TarXz()) }
func FuzzPieces(f *testing.F, format archive.Format) {
	k := &kit{Config: Config{Format: format}, pool: archive.NewPool(2), scratch: f.TempDir()}
	for _, content := range [][]byte{nil, text(10, 1), text(1000, 2)} {
		p := k.packPiece(f, content)
		f.Add(p.body, p.tail, p.piece.Size, p.piece.CRC32)
		f.Add(p.body, p.tail[:len(p.tail)-1], p.piece.Size, p.piece.CRC32)
		f.Add([]byte{}, p.tail, int64(0), uint32(0))
	}
	f.Fuzz(func(t *testing.T, body, tail []byte, size int64, sum uint32) {
		for _, tail := range [][]byte{tail, k.resumBody(part{body, tail})} {
			a, err := k.joinPiece(t, piece{part{body, tail}, archive.Piece{Size: size, Packed: int64(len(body)), CRC32: sum}})
			if err != nil {
				if !errors.Is(err, archive.ErrPart) {
					t.Error(err)
				}
				continue
			}
			list, err := k.readOwn(bytes.NewReader(a))
			if err != nil || len(list) != 1 || list[0].Size != size {
				t.Errorf("accepted a piece of %d bytes, and the archive has %v, %v", size, list, err)
			}
		}
	})
}
