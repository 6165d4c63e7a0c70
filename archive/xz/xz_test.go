package xz

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/ulikunitz/xz"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/archive/archivetest"
)

// The library's own reader extracts; the judges have others.
func TestTarXz(t *testing.T) {
	archivetest.Run(t, archivetest.Config{
		Format:  TarXz(),
		Extract: archivetest.ExtractTar(func(r io.Reader) (io.Reader, error) { return xz.NewReader(r) }),
		Judges:  archivetest.TarJudges("xz"),
		Golden:  "testdata/golden/tar.xz",
		Slow:    true,
	})
}

// TestOneStream has xz count streams and blocks: several parts must become one
// stream.
func TestOneStream(t *testing.T) {
	archivetest.NeedProgram(t, "xz")
	for parts, blocks := range []int{1, 4, 7} {
		path := archivetest.WriteParts(t, TarXz(), parts, 100, blockSize, 200) // three segments each
		out, err := exec.CommandContext(t.Context(), "xz", "--robot", "--list", path).Output()
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("file\t1\t%d\t", blocks); !strings.Contains(string(out), want) || !strings.Contains(string(out), "CRC32") {
			t.Errorf("%d parts: xz lists %s, want 1 stream of %d blocks with CRC32", parts, out, blocks)
		}
	}
}

// TestBlock packs single segments and unpacks them as a stream of their own.
func TestBlock(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 5, 1000, blockSize - 1, blockSize} {
		raw := bytes.Repeat([]byte("segment "), n/8+1)[:n]
		block, unpadded, err := encoder{}.Encode([]byte("before"), raw, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		block, found := bytes.CutPrefix(block, []byte("before"))
		if !found || padded(unpadded) != uint64(len(block)) {
			t.Fatalf("%d bytes become a block of %d, unpadded %d", n, len(block), unpadded)
		}
		r, err := xz.NewReader(bytes.NewReader(framed(t, block, unpadded, n)))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); !bytes.Equal(got, raw) || err != nil {
			t.Errorf("%d bytes come back as %d, %v", n, len(got), err)
		}
	}
}

// framed puts a frame around a block.
func framed(t testing.TB, block []byte, unpadded uint64, raw int) []byte {
	t.Helper()
	var b bytes.Buffer
	f := codec{}.NewFrame()
	err := errors.Join(f.Open(&b), f.Segment(archive.Segment{Raw: int64(raw), Packed: int64(len(block)), Mark: unpadded}))
	b.Write(block)
	if err := errors.Join(err, f.Close(&b)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestFrameRefusesMark hands in marks that are no size of the block.
func TestFrameRefusesMark(t *testing.T) {
	for _, mark := range []uint64{0, 96, 101, 104, 1 << 63, 1<<64 - 1} {
		if err := new(frame).Segment(archive.Segment{Raw: 500, Packed: 100, Mark: mark}); err == nil {
			t.Errorf("mark %d for a block of 100 bytes is accepted", mark)
		}
	}
}

// FuzzOnlyBlock looks for a block in any bytes. What is found must be a piece
// of them with the size that is told.
func FuzzOnlyBlock(f *testing.F) {
	block, unpadded, err := encoder{}.Encode(nil, []byte("a segment"), nil, false)
	if err != nil {
		f.Fatal(err)
	}
	whole := framed(f, block, unpadded, 9)
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add(whole[:headerSize+footerSize])
	f.Add([]byte{})
	f.Add(binary.LittleEndian.AppendUint64(make([]byte, 40), 1<<64-1))
	f.Fuzz(func(t *testing.T, b []byte) {
		block, unpadded, err := onlyBlock(b)
		if err == nil && (!bytes.Contains(b, block) || padded(unpadded) != uint64(len(block))) {
			t.Errorf("block of %d bytes, unpadded %d, of a stream of %d", len(block), unpadded, len(b))
		}
	})
}

func FuzzTail(f *testing.F) { archivetest.FuzzParts(f, TarXz()) }

func FuzzPiece(f *testing.F) { archivetest.FuzzPieces(f, TarXz()) }
