package archive

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math"
	"runtime"
	"slices"
	"testing"
	"time"
)

// packed makes a part of two small files.
func packed(t testing.TB, f Format) (body, tail []byte) {
	t.Helper()
	var b, l bytes.Buffer
	err := f.Pack(t.Context(), &b, &l, Options{}, func(p Packer) error {
		for _, name := range []string{"a", "b/c"} {
			e := Entry{Name: name, ModTime: time.Unix(1_790_000_000, 0)}
			if _, err := p.Add(t.Context(), e, bytes.NewReader(bytes.Repeat([]byte(name), 500))); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), l.Bytes()
}

func join(t testing.TB, f Format, body, tail io.Reader) error {
	t.Helper()
	return f.Join(t.Context(), io.Discard, Options{}, func(j Joiner) error { return j.Part(body, tail) })
}

// resum replaces the check sum of a tail that has been changed.
func resum(tail []byte) []byte {
	tail = tail[:len(tail)-4]
	return binary.LittleEndian.AppendUint32(tail, crc32.Checksum(tail, castagnoli))
}

// TestTailRefused changes fields of a tail and keeps its check sum right.
func TestTailRefused(t *testing.T) {
	for _, f := range []Format{Zip(), TarGz()} {
		body, tail := packed(t, f)
		head := len(partMagic) + 2 + len(f.Name()) // up to the numbers
		for what, change := range map[string]func(b []byte){
			"magic":                func(b []byte) { b[0]++ },
			"newer version":        func(b []byte) { b[4]++ },
			"older version":        func(b []byte) { b[4]-- },
			"longer format":        func(b []byte) { b[5]++ },
			"other format":         func(b []byte) { b[6]++ },
			"longer body":          func(b []byte) { b[head]++ },
			"negative body":        func(b []byte) { b[head+7] = 0x80 },
			"other body":           func(b []byte) { b[head+8]++ },
			"one more record":      func(b []byte) { b[head+12]++ },
			"one record less":      func(b []byte) { b[head+12]-- },
			"2^60 records":         func(b []byte) { b[head+19] = 0x10 },
			"endless number":       func(b []byte) { fill(b[head+20:len(b)-4], 0xff) },
			"only zeros":           func(b []byte) { fill(b[head+20:len(b)-4], 0) },
			"only ones":            func(b []byte) { fill(b[head+20:len(b)-4], 1) },
			"last field of a tail": func(b []byte) { b[len(b)-5] ^= 1 },
		} {
			bad := slices.Clone(tail)
			change(bad)
			err := join(t, f, bytes.NewReader(body), bytes.NewReader(resum(bad)))
			if what == "last field of a tail" && f == TarGz() {
				// The mark of a segment, which only its own check sum knows.
				if err != nil {
					t.Errorf("%s: %v", f.Name(), err)
				}
				continue
			}
			if !errors.Is(err, ErrPart) {
				t.Errorf("%s: %s: %v", f.Name(), what, err)
			}
		}
		if err := join(t, f, bytes.NewReader(body), bytes.NewReader(tail)); err != nil {
			t.Errorf("%s: unchanged part: %v", f.Name(), err)
		}
	}
}

func fill(b []byte, with byte) {
	for i := range b {
		b[i] = with
	}
}

// forge makes a tail with a right check sum.
func forge(format string, body []byte, count uint64, records []byte) []byte {
	b := append([]byte(partMagic), partVersion, byte(len(format)))
	b = append(b, format...)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(body)))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(body, castagnoli))
	b = binary.LittleEndian.AppendUint64(b, count)
	b = append(b, records...)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// TestTailAllocatesLittle hands in tails that claim more than they hold.
func TestTailAllocatesLittle(t *testing.T) {
	claims := map[string][]byte{
		"zip":    binary.AppendUvarint(nil, 1<<40), // a name
		"tar.gz": binary.AppendUvarint(nil, math.MaxInt64),
	}
	for _, f := range []Format{Zip(), TarGz()} {
		for _, records := range [][]byte{nil, claims[f.Name()], binary.AppendUvarint(nil, math.MaxUint16), bytes.Repeat([]byte{0}, 3_000)} {
			tail := forge(f.Name(), nil, 1<<60, records)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := join(t, f, bytes.NewReader(nil), bytes.NewReader(tail))
			runtime.ReadMemStats(&after)
			if !errors.Is(err, ErrPart) {
				t.Errorf("%s: %v", f.Name(), err)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 2<<20 {
				t.Errorf("%s: %d bytes allocated for a tail of %d", f.Name(), n, len(tail))
			}
		}
	}
}

// FuzzTail joins parts of any bytes, with their own check sums and with right
// ones. What is accepted must be what the tail says, down to its length.
func FuzzTail(f *testing.F) {
	for i, format := range []Format{Zip(), TarGz()} {
		body, tail := packed(f, format)
		f.Add(byte(i), body, tail, uint64(2))
		f.Add(byte(i), body, tail[len(partMagic)+2+len(format.Name())+20:len(tail)-4], uint64(2))
		f.Add(byte(i), []byte{}, []byte{}, uint64(0))
		f.Add(byte(i), []byte{}, bytes.Repeat([]byte{0xff}, 30), uint64(1)<<60)
	}
	f.Fuzz(func(t *testing.T, which byte, body, tail []byte, count uint64) {
		format := []Format{Zip(), TarGz()}[which%2]
		for _, tail := range [][]byte{tail, forge(format.Name(), body, count, tail)} {
			var out bytes.Buffer
			err := format.Join(t.Context(), &out, Options{}, func(j Joiner) error {
				return j.Part(bytes.NewReader(body), bytes.NewReader(tail))
			})
			if err != nil && !errors.Is(err, ErrPart) {
				t.Errorf("%s: %v", format.Name(), err)
			}
			if err == nil && !bytes.Contains(out.Bytes(), body) {
				t.Errorf("%s: accepted, but the body is not in the archive", format.Name())
			}
		}
	})
}
