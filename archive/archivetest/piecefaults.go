package archivetest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math"
	"slices"
	"testing"

	"github.com/orgexport/orgexport/archive"
)

// testPieceReaders packs pieces from readers that fail, panic or end the context.
func testPieceReaders(t *testing.T, k *kit) {
	content := k.large(2*k.Segment + 300)
	offsets := []int{0, 1, k.Segment - 1, k.Segment, k.Segment + 1, len(content)}
	if k.Slow {
		offsets = []int{0, 1, k.Segment + 1}
	}
	for _, at := range offsets {
		for _, way := range breaks {
			p, err := k.tryPackPiece(t.Context(), k.options(), way.after(content[:at]))
			var re *archive.ReadError
			if !errors.As(err, &re) || re.Name != "" || !errors.Is(err, way.cause) || p.piece != (archive.Piece{}) {
				t.Errorf("%s at %d: %+v, %v", way.name, at, p.piece, err)
			}
		}
		if caught := catch(func() {
			_, _ = k.tryPackPiece(t.Context(), k.options(), io.MultiReader(bytes.NewReader(content[:at]), panics{}))
		}); caught != any(errInjected) {
			t.Errorf("panic at %d: %v", at, caught)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		_, err := k.tryPackPiece(ctx, k.options(), io.MultiReader(bytes.NewReader(content[:at]), &cancels{cancel}))
		var re *archive.ReadError
		if !errors.Is(err, errCancelled) || errors.As(err, &re) {
			t.Errorf("cancelled at %d: %v", at, err)
		}
	}
}

// testPieceWriteErrors lets writers fail at many offsets.
func testPieceWriteErrors(t *testing.T, k *kit) {
	size := 2*k.Segment + 300
	if k.Slow {
		size = k.Segment + 300
	}
	for step, content := range map[int][]byte{1: text(300, 1), 0: k.large(size)} {
		if k.Slow && step == 1 {
			step = 61
		}
		p := k.packPiece(t, content)
		k.everyOffset(t, len(p.body), step, func(w io.Writer) error {
			_, err := k.Format.PackPiece(t.Context(), w, io.Discard, k.options(), bytes.NewReader(content))
			return err
		})
		k.everyOffset(t, len(p.body)+len(p.tail), step, func(w io.Writer) error {
			_, err := k.Format.PackPiece(t.Context(), w, w, k.options(), bytes.NewReader(content))
			return err
		})
		f := &pieced{item: newItem("file", nil)}
		f.add("[", p, content)
		f.add(",", p, content)
		a, _ := k.joinPieces(t, f)
		k.everyOffset(t, len(a), step, func(w io.Writer) error {
			return k.Format.Join(t.Context(), w, k.options(), func(j archive.Joiner) error {
				_ = f.join(j) // Join must return the error
				return nil
			})
		})
	}
}

// testPieceCancelled ends the context of Join before and between pieces.
func testPieceCancelled(t *testing.T, k *kit) {
	content := text(3000, 1)
	p := k.packPiece(t, content)
	for stop := range 4 {
		ctx, cancel := context.WithCancelCause(t.Context())
		f := &pieced{item: newItem("file", nil)}
		for n := range 3 {
			f.add(",", p, content)
			f.sources[n].Open = func() (io.Reader, io.Reader, func(), error) {
				if n == stop {
					cancel(errCancelled)
				}
				return bytes.NewReader(p.body), bytes.NewReader(p.tail), nil, nil
			}
		}
		err := k.Format.Join(ctx, io.Discard, k.options(), func(j archive.Joiner) error {
			_ = f.join(j)
			cancel(errCancelled)
			return nil
		})
		if !errors.Is(err, errCancelled) {
			t.Errorf("cancelled at piece %d: %v", stop, err)
		}
	}
}

// testPieceDamage changes a piece in every way that a disk can, and in some in which it cannot.
// Of a large piece it takes samples.
func testPieceDamage(t *testing.T, k *kit) {
	small, big := k.packPiece(t, text(300, 1)), k.packPiece(t, k.large(2*k.Segment+300))
	k.damagePiece(t, small, 1, 1)
	k.damagePiece(t, big, len(big.body)/10, 5)

	whole := k.pack(t, newItem("a.yaml", text(300, 1)))
	for name, bad := range map[string]piece{
		"nothing":           {part{}, small.piece},
		"body for tail":     {part{small.body, small.body}, small.piece},
		"tail of another":   {part{small.body, big.tail}, small.piece},
		"body of another":   {part{big.body, small.tail}, small.piece},
		"numbers of others": {small.part, big.piece},
		"a part":            {whole, archive.Piece{Size: 300, Packed: int64(len(whole.body)), CRC32: small.piece.CRC32}},
		"of another format": k.others()[0].packPiece(t, text(300, 1)),
		"newer version":     {part{small.body, resum(flip(small.tail, 4, 0))}, small.piece},
		"older version":     {part{small.body, resum(flip(small.tail, 4, 1))}, small.piece},
	} {
		k.refusesPiece(t, name, bad)
	}
	k.refuses(t, "a piece for a part", small.part)
	for name, change := range map[string]func(p *archive.Piece){
		"size + 1":          func(p *archive.Piece) { p.Size++ },
		"size - 1":          func(p *archive.Piece) { p.Size-- },
		"negative size":     func(p *archive.Piece) { p.Size = -1 },
		"largest size":      func(p *archive.Piece) { p.Size = math.MaxInt64 },
		"packed + 1":        func(p *archive.Piece) { p.Packed++ },
		"packed - 1":        func(p *archive.Piece) { p.Packed-- },
		"negative packed":   func(p *archive.Piece) { p.Packed = -1 },
		"largest packed":    func(p *archive.Piece) { p.Packed = math.MaxInt64 },
		"another check sum": func(p *archive.Piece) { p.CRC32++ },
	} {
		bad := big
		change(&bad.piece)
		k.refusesPiece(t, name, bad)
	}
	behind := &pieced{item: newItem("file", nil)}
	behind.add("", piece{part{slices.Concat(small.body, []byte("more")), small.tail}, small.piece}, text(300, 1))
	a, items := k.joinPieces(t, behind)
	k.check(t, a, items...)
}

// damagePiece flips bits and cuts at every step-th byte of the body and of the tail. If the kit is
// slow it takes fewer bytes and one bit of each.
func (k *kit) damagePiece(t *testing.T, p piece, bodyStep, tailStep int) {
	t.Helper()
	bits := 8
	if k.Slow {
		bodyStep, tailStep, bits = 5*bodyStep, 3*tailStep, 1
	}
	for at := 0; at < len(p.body); at += bodyStep {
		for n := range bits {
			k.damageBody(t, p, at, (at+n)%8)
		}
		k.refusesPiece(t, "cut body", piece{part{p.body[:at], p.tail}, p.piece})
	}
	for at := 0; at < len(p.tail); at += tailStep {
		for n := range bits {
			k.refusesPiece(t, "flip in tail", piece{part{p.body, flip(p.tail, at, (at+n)%8)}, p.piece})
		}
		k.refusesPiece(t, "cut tail", piece{part{p.body, p.tail[:at]}, p.piece})
	}
}

// damageBody flips a bit of the body, which must be refused. With the check sum of the body put
// right, too, it must be refused or mean the same.
func (k *kit) damageBody(t *testing.T, p piece, at, bit int) {
	t.Helper()
	bad := piece{part{flip(p.body, at, bit), p.tail}, p.piece}
	k.refusesPiece(t, "flip in body", bad)
	bad.tail = k.resumBody(bad.part)
	if a, err := k.joinPiece(t, bad); err == nil {
		if _, err := k.readOwn(bytes.NewReader(a)); err != nil {
			t.Errorf("bit %d of byte %d is changed and not refused: %v", bit, at, err)
		}
	} else if !errors.Is(err, archive.ErrPart) {
		t.Errorf("bit %d of byte %d: %v, want ErrPart", bit, at, err)
	}
}

// joinPiece makes an archive of a file of one piece.
func (k *kit) joinPiece(t testing.TB, p piece) ([]byte, error) {
	t.Helper()
	var b bytes.Buffer
	err := k.Format.Join(t.Context(), &b, k.options(), func(j archive.Joiner) error {
		_, err := j.File(newItem("file", nil).entry(), []archive.PieceSource{p.source("")})
		return err
	})
	return b.Bytes(), err
}

func (k *kit) refusesPiece(t *testing.T, what string, p piece) {
	t.Helper()
	if _, err := k.joinPiece(t, p); !errors.Is(err, archive.ErrPart) {
		t.Fatalf("%s: %v, want ErrPart", what, err)
	}
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// resum puts right a tail's check sum of itself.
func resum(tail []byte) []byte {
	tail = tail[:max(0, len(tail)-4)]
	return binary.LittleEndian.AppendUint32(slices.Clip(tail), crc32.Checksum(tail, castagnoli))
}

// resumBody returns the tail with its check sums put right, if it is long enough to have both.
func (k *kit) resumBody(p part) []byte {
	tail := slices.Clone(p.tail)
	if at := 6 + len(k.Format.Name()) + 8; len(tail) >= at+4 { // behind magic, version, name and length
		binary.LittleEndian.PutUint32(tail[at:], crc32.Checksum(p.body, castagnoli))
	}
	return resum(tail)
}
