package xz

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/archive/archivetest"
)

// TestDecodeOthers reads what xz writes with all its checks and layouts.
func TestDecodeOthers(t *testing.T) {
	archivetest.NeedProgram(t, "xz")
	text := []byte(strings.Repeat("to be packed with other options, ", 20_000))
	var all, allText []byte
	for _, args := range [][]string{
		{"-0"}, {"-9"}, {"--check=none"}, {"--check=crc32"}, {"--check=crc64"}, {"--check=sha256"},
		{"--block-size=100000"}, {"-T2", "--block-size=65536"},
	} {
		cmd := exec.CommandContext(t.Context(), "xz", append(args, "-c")...)
		cmd.Stdin = bytes.NewReader(text)
		packed, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		got, err := decode(packed)
		if err != nil || !bytes.Equal(got, text) {
			t.Errorf("xz %q: %d bytes, %v", args, len(got), err)
		}
		all, allText = append(append(all, packed...), make([]byte, 8)...), append(allText, text...)
	}
	if got, err := decode(all); err != nil || !bytes.Equal(got, allText) {
		t.Errorf("many streams: %d of %d bytes, %v", len(got), len(allText), err)
	}
	for _, tail := range []string{"\x00", "\x00\x00\x00", "x", "\xfd7zX"} {
		if _, err := decode(append(bytes.Clone(all), tail...)); err == nil {
			t.Errorf("%q behind the end is passed over", tail)
		}
	}
}

func decode(packed []byte) ([]byte, error) {
	d, err := codec{}.NewDecoder(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(d)
}

// textStream packs text as one block in a stream.
func textStream(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	f := new(frame)
	if err := f.Open(&b); err != nil {
		t.Fatal(err)
	}
	block, _, err := encoder{}.Encode(nil, []byte(text), nil, true)
	if err != nil {
		t.Fatal(err)
	}
	return append(b.Bytes(), block...)
}

func TestDictionaryTooLarge(t *testing.T) {
	b := textStream(t, "text")
	header := b[headerSize:]
	size := 4*int(header[0]) + 4
	at := bytes.Index(header[:size], []byte{0x21, 1})
	header[at+2] = 40 // 4 GiB
	binary.LittleEndian.PutUint32(header[size-4:], crc32.ChecksumIEEE(header[:size-4]))
	_, err := decode(b)
	if err == nil || !strings.Contains(err.Error(), "dictionary of") {
		t.Errorf("dictionary of 4 GiB: %v", err)
	}
}

// TestManyDictionaries has many tiny blocks with the largest dictionary.
func TestManyDictionaries(t *testing.T) {
	b := textStream(t, "text")
	head, block := b[:headerSize], b[headerSize:]
	size := 4*int(block[0]) + 4
	at := bytes.Index(block[:size], []byte{0x21, 1})
	block[at+2] = 28 // 64 MiB
	binary.LittleEndian.PutUint32(block[size-4:], crc32.ChecksumIEEE(block[:size-4]))
	_, err := decode(append(bytes.Clone(head), bytes.Repeat(block, 1000)...))
	if err == nil || !strings.Contains(err.Error(), "dictionaries") {
		t.Errorf("many dictionaries: %v", err)
	}
}
