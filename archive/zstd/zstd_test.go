package zstd

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/orgexport/orgexport/archive/archivetest"
)

// The library's reader extracts with its defaults; the judges have others. Python
// knows Zstandard from version 3.14 on only.
func TestTarZst(t *testing.T) {
	archivetest.Run(t, archivetest.Config{
		Format:  TarZst(),
		Extract: archivetest.ExtractTar(func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r) }),
		Judges: slices.DeleteFunc(archivetest.TarJudges("zstd"), func(j archivetest.Judge) bool {
			return strings.HasPrefix(j.Name, "python")
		}),
		Golden:  "testdata/golden/tar.zst",
		Segment: frameSize,
	})
}

// TestFrames has zstd count frames: each segment must be one, with its check sum
// and its size.
func TestFrames(t *testing.T) {
	archivetest.NeedProgram(t, "zstd")
	for parts, frames := range []int{1, 4, 7} {
		path := archivetest.WriteParts(t, TarZst(), parts, 100, frameSize, 200) // three segments each
		out, err := exec.CommandContext(t.Context(), "zstd", "-lv", path).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		lines := strings.Join(strings.Fields(string(out)), " ")
		for _, want := range []string{fmt.Sprintf("Zstandard Frames: %d ", frames), "Check: XXH64", "Decompressed Size: "} {
			if !strings.Contains(lines, want) {
				t.Errorf("%d parts: want %q of\n%s", parts, want, out)
			}
		}
	}
}

// TestLevels packs the sources of package archive at each level: a higher one is never
// larger.
func TestLevels(t *testing.T) {
	names, err := filepath.Glob("../*.go")
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(b)
	}
	var sizes []int
	for level := 1; level <= 9; level++ {
		e, err := codec{}.NewEncoder(level)
		if err != nil {
			t.Fatal(err)
		}
		packed, mark, err := e.Encode(nil, text.Bytes(), nil, false)
		if err != nil || mark != 0 {
			t.Fatalf("level %d: mark %d, %v", level, mark, err)
		}
		sizes = append(sizes, len(packed))
	}
	if !slices.IsSortedFunc(sizes, func(a, b int) int { return b - a }) || sizes[8] >= sizes[0] {
		t.Errorf("%d bytes become %d with the levels 1 to 9", text.Len(), sizes)
	}
}

// TestDecodeOthers reads what other programs write with all their checks and
// layouts.
func TestDecodeOthers(t *testing.T) {
	text := []byte(strings.Repeat("to be packed with other options, ", 20_000))
	var all, allText []byte
	for _, args := range [][]string{
		{"zstd", "-1"}, {"zstd", "-19"}, {"zstd", "--ultra", "-22"}, {"zstd", "--long=27"}, {"zstd", "--fast=5"},
		{"zstd", "--no-check"}, {"zstd", "-T2", "-B1MiB"}, {"zstd", "--rsyncable", "-T2"}, {"pzstd", "-p2"},
	} {
		archivetest.NeedProgram(t, args[0])
		cmd := exec.CommandContext(t.Context(), args[0], append(args[1:], "-c")...)
		cmd.Stdin = bytes.NewReader(text)
		packed, err := cmd.Output()
		if err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		begins := func(m string) bool { return strings.HasPrefix(string(packed), m) }
		if !slices.ContainsFunc(TarZst().Magic(), begins) {
			t.Errorf("%q begins with %x", args, packed[:4])
		}
		got, err := decode(packed)
		if err != nil || !bytes.Equal(got, text) {
			t.Errorf("%q: %d bytes, %v", args, len(got), err)
		}
		all, allText = append(append(all, packed...), skippable+"\x03\x00\x00\x00any"...), append(allText, text...)
	}
	if got, err := decode(all); err != nil || !bytes.Equal(got, allText) {
		t.Errorf("many frames: %d of %d bytes, %v", len(got), len(allText), err)
	}
	for _, tail := range []string{"\x00", "\x00\x00\x00\x00", "x", magic, skippable, skippable + "\x03\x00\x00\x00an"} {
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
	defer d.Close()
	return io.ReadAll(d)
}

// frameOf returns a frame of one raw byte that asks for a window of 2^log bytes
// (RFC 8878, section 3.1.1.1.2).
func frameOf(log int) []byte {
	return append([]byte(magic), 0, byte(log-10)<<3, 1|1<<3, 0, 0, 'x')
}

func TestWindow(t *testing.T) {
	for log, fits := range map[int]bool{10: true, 27: true, 28: false, 41: false} {
		got, err := decode(frameOf(log))
		if fits != (err == nil) || fits != (string(got) == "x") {
			t.Errorf("window of 2^%d bytes: %q, %v", log, got, err)
		}
	}
}

// TestManyWindows has many tiny frames with the largest window: memory is taken
// for one.
func TestManyWindows(t *testing.T) {
	b := bytes.Repeat(frameOf(27), 1000)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if got, err := decode(b); err != nil || len(got) != 1000 {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	runtime.ReadMemStats(&after)
	if taken := after.TotalAlloc - before.TotalAlloc; taken > 2*maxWindow {
		t.Errorf("1000 frames take %d MiB", taken>>20)
	}
}

func FuzzTail(f *testing.F) { archivetest.FuzzParts(f, TarZst()) }

func FuzzPiece(f *testing.F) { archivetest.FuzzPieces(f, TarZst()) }

// TestFastSample packs digits, of which the library's fast encoder makes less than its
// default one, and text, of which it makes more: the smaller one is taken.
func TestFastSample(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var digits, text []byte
	for len(digits) < 1<<20 {
		digits = fmt.Appendf(digits, "%d,%d.%02d\n", random.Uint32(), random.IntN(1000), random.IntN(100))
		text = fmt.Appendf(text, `{"id":%d,"name":"product %d","note":"in stock since %d"}`+"\n", len(text), random.IntN(90), random.IntN(90))
	}
	for name, raw := range map[string][]byte{"digits": digits, "text": text} {
		e, err := codec{}.NewEncoder(6)
		if err != nil {
			t.Fatal(err)
		}
		packed, _, err := e.Encode(nil, raw, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, level := range []zstd.EncoderLevel{zstd.SpeedFastest, zstd.SpeedDefault} {
			w, err := newWriter(level)
			if err != nil {
				t.Fatal(err)
			}
			if alone := w.EncodeAll(raw, nil); len(packed) > len(alone) {
				t.Errorf("%s: %d bytes, the level %s makes %d", name, len(packed), level, len(alone))
			}
		}
	}
}
