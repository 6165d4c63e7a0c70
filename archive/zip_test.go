package archive

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// zipFields are the fields of a header as this test reads them (APPNOTE
// 4.3.7 and 4.3.12).
type zipFields struct {
	madeBy, needs, flags, method, clock, date uint16
	crc, packed, raw                          uint32
	internal                                  uint16
	external, offset                          uint32
	name                                      string
	extra                                     map[uint16][]byte
	size                                      int // of the header
}

func parseLocal(t *testing.T, b []byte) (f zipFields) {
	t.Helper()
	var nameLen, extraLen uint16
	take(t, b, uint32(0x04034b50), &f.needs, &f.flags, &f.method, &f.clock, &f.date, &f.crc, &f.packed, &f.raw, &nameLen, &extraLen)
	f.variable(t, b[30:], nameLen, extraLen)
	f.size = 30 + int(nameLen) + int(extraLen)
	return f
}

func parseCentral(t *testing.T, b []byte) (f zipFields) {
	t.Helper()
	var nameLen, extraLen, commentLen, disk uint16
	take(t, b, uint32(0x02014b50), &f.madeBy, &f.needs, &f.flags, &f.method, &f.clock, &f.date, &f.crc, &f.packed, &f.raw,
		&nameLen, &extraLen, &commentLen, &disk, &f.internal, &f.external, &f.offset)
	if commentLen != 0 || disk != 0 {
		t.Fatalf("comment of %d bytes, disk %d", commentLen, disk)
	}
	f.variable(t, b[46:], nameLen, extraLen)
	f.size = 46 + int(nameLen) + int(extraLen)
	return f
}

// take reads little-endian fields; the first is a signature.
func take(t *testing.T, b []byte, signature uint32, fields ...any) {
	t.Helper()
	r := bytes.NewReader(b)
	var got uint32
	for _, field := range append([]any{&got}, fields...) {
		if err := binary.Read(r, binary.LittleEndian, field); err != nil {
			t.Fatal(err)
		}
	}
	if got != signature {
		t.Fatalf("signature %08x, want %08x", got, signature)
	}
}

func (f *zipFields) variable(t *testing.T, b []byte, nameLen, extraLen uint16) {
	t.Helper()
	f.name, b = string(b[:nameLen]), b[nameLen:][:extraLen]
	f.extra = make(map[uint16][]byte)
	for len(b) > 0 {
		id, n := binary.LittleEndian.Uint16(b), int(binary.LittleEndian.Uint16(b[2:]))
		if _, double := f.extra[id]; double {
			t.Fatalf("%s has extra field %x twice", f.name, id)
		}
		f.extra[id], b = b[4:4+n], b[4+n:]
	}
}

// sizes returns what zip64 hides (APPNOTE 4.5.3): only the fields that are all
// ones are there, in this order.
func (f *zipFields) sizes(t *testing.T) (raw, packed, offset int64) {
	t.Helper()
	b, has := f.extra[1]
	for _, field := range []struct {
		narrow uint32
		wide   *int64
	}{{f.raw, &raw}, {f.packed, &packed}, {f.offset, &offset}} {
		if *field.wide = int64(field.narrow); field.narrow != math.MaxUint32 {
			continue
		}
		if len(b) < 8 {
			t.Fatalf("%s: zip64 field of %d bytes is too short", f.name, len(f.extra[1]))
		}
		*field.wide, b = int64(binary.LittleEndian.Uint64(b)), b[8:]
	}
	if len(b) > 0 || has && len(f.extra[1]) == 0 {
		t.Fatalf("%s: zip64 field of %d bytes is too long", f.name, len(f.extra[1]))
	}
	if has != (f.needs == 45) {
		t.Errorf("%s: needs version %d, zip64 field: %v", f.name, f.needs, has)
	}
	return raw, packed, offset
}

// checkAgree fails unless local and central header say the same.
func checkAgree(t *testing.T, l, c zipFields) {
	t.Helper()
	lraw, lpacked, _ := l.sizes(t)
	craw, cpacked, _ := c.sizes(t)
	if l.name != c.name || l.flags != c.flags || l.method != c.method || l.clock != c.clock || l.date != c.date ||
		l.crc != c.crc || lraw != craw || lpacked != cpacked || !bytes.Equal(l.extra['T'<<8|'U'], c.extra['T'<<8|'U']) {
		t.Errorf("headers differ:\n%+v\n%+v", l, c)
	}
	if l.needs > c.needs || c.madeBy != 3<<8|45 || c.external != 0o100644<<16 || c.internal != 0 {
		t.Errorf("%s: version needed %d and %d, made by %x, attributes %x", c.name, l.needs, c.needs, c.madeBy, c.external)
	}
	utf8 := strings.ContainsFunc(c.name, func(r rune) bool { return r > 0x7f })
	if want := map[bool]uint16{true: 0x800}[utf8]; c.flags != want {
		t.Errorf("%s: flags %x, want %x", c.name, c.flags, want)
	}
}

// TestZipLayout reads an archive byte by byte: files follow each other without
// gaps, local and central headers agree, and nothing is behind the end.
func TestZipLayout(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	var body, tail, a bytes.Buffer
	err := Zip().Pack(t.Context(), &body, &tail, Options{Scratch: t.TempDir()}, func(p Packer) error {
		for i, n := range []int{0, 1, 100, 5000, 300_000, segmentSize, 3*segmentSize + 7} {
			for _, name := range []string{"plain", "ünï"} {
				e := Entry{Name: fmt.Sprintf("%d/%s", i, name), ModTime: time.Unix(1_790_000_000+int64(i), 0)}
				content := sample(random, n)
				if i%2 == 1 {
					_, _ = rand.NewChaCha8([32]byte{}).Read(content)
				}
				if _, err := p.Add(t.Context(), e, bytes.NewReader(content)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := Zip().Join(t.Context(), &a, Options{}, func(j Joiner) error {
		for range 2 {
			if err := j.Part(bytes.NewReader(body.Bytes()), bytes.NewReader(tail.Bytes())); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}

	b := a.Bytes()
	var disk, directoryDisk, here, files, comment uint16
	var size, offset uint32
	take(t, b[len(b)-22:], 0x06054b50, &disk, &directoryDisk, &here, &files, &size, &offset, &comment)
	if disk != 0 || directoryDisk != 0 || here != files || files != 28 || comment != 0 || int(offset+size)+22 != len(b) {
		t.Fatalf("end record: disks %d %d, files %d of %d, directory %d+%d of %d", disk, directoryDisk, here, files, offset, size, len(b))
	}
	next := int64(0)
	methods := make(map[uint16]int)
	for directory := b[offset : offset+size]; len(directory) > 0; {
		central := parseCentral(t, directory)
		directory = directory[central.size:]
		_, packed, at := central.sizes(t)
		if at != next {
			t.Fatalf("%s at %d, want %d", central.name, at, next)
		}
		local := parseLocal(t, b[at:])
		checkAgree(t, local, central)
		next = at + int64(local.size) + packed
		methods[central.method]++
		if central.method == methodStore && central.packed != central.raw {
			t.Errorf("%s is stored, but packed to %d of %d bytes", central.name, central.packed, central.raw)
		}
	}
	if next != int64(offset) {
		t.Errorf("files end at %d, the directory begins at %d", next, offset)
	}
	if methods[methodStore] == 0 || methods[methodDeflate] == 0 || len(methods) != 2 {
		t.Errorf("methods %v", methods)
	}
}

// TestZipHeaders64 has sizes and offsets around 4 GiB.
func TestZipHeaders64(t *testing.T) {
	edges := []int64{0, 1, max32 - 1, max32, max32 + 1, 1 << 40}
	for _, raw := range edges {
		for _, packed := range edges {
			for _, offset := range edges {
				h := newZipHeader(Entry{Name: "n", ModTime: time.Unix(1_790_000_001, 0)}, methodDeflate, 7, raw, packed)
				h.offset = offset
				local, central := parseLocal(t, h.local()), parseCentral(t, h.central())
				checkAgree(t, local, central)
				gotRaw, gotPacked, gotOffset := central.sizes(t)
				if gotRaw != raw || gotPacked != packed || gotOffset != offset {
					t.Fatalf("%d, %d, %d read back as %d, %d, %d", raw, packed, offset, gotRaw, gotPacked, gotOffset)
				}
				if wide := local.extra[1]; wide != nil && len(wide) != 16 {
					t.Fatalf("local zip64 field has %d bytes; both sizes must be there (4.5.3)", len(wide))
				}
				record := h.record()
				reader, err := readTail(bytes.NewReader(forge("zip", nil, 1, record)), partMagic, "zip")
				if err != nil {
					t.Fatal(err)
				}
				if got, err := readZipRecord(reader); got != h || err != nil {
					t.Fatalf("%+v becomes %+v, %v", h, got, err)
				}
			}
		}
	}
}

// TestZipEnd has counts and offsets around the limits of the end record.
func TestZipEnd(t *testing.T) {
	for _, edge := range []struct {
		files  uint64
		offset int64
		wide   bool
	}{
		{0, 0, false}, {max16 - 1, max32 - 1, false}, {max16, 0, true}, {70_000, 5, true}, {1, max32, true}, {1 << 33, 1 << 40, true},
	} {
		d := &zipDirectory{files: edge.files, size: edge.offset, headers: NewScratch("")}
		if _, err := d.headers.Write(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		b := d.end()
		if wide := len(b) > 22; wide != edge.wide {
			t.Fatalf("%+v: %d bytes", edge, len(b))
		}
		var d1, d2, here, files, comment uint16
		var size, offset uint32
		take(t, b[len(b)-22:], 0x06054b50, &d1, &d2, &here, &files, &size, &offset, &comment)
		wantFiles, wantOffset := min(edge.files, max16), min(edge.offset, max32)
		if uint64(files) != wantFiles || here != files || int64(offset) != wantOffset || size != 100 {
			t.Errorf("%+v: end record has %d files, directory %d+%d", edge, files, offset, size)
		}
		if !edge.wide {
			continue
		}
		var disk, disks uint32
		var at, rest, here64, files64, size64, offset64 uint64
		var made, needs uint16
		take(t, b[len(b)-42:], 0x07064b50, &disk, &at, &disks)
		if int64(at) != edge.offset+100 || disk != 0 || disks != 1 {
			t.Errorf("%+v: locator says %d on disk %d of %d", edge, at, disk, disks)
		}
		take(t, b, 0x06064b50, &rest, &made, &needs, &disk, &disk, &here64, &files64, &size64, &offset64)
		if rest != 44 || made != 3<<8|45 || needs != 45 || here64 != edge.files || files64 != edge.files || size64 != 100 || int64(offset64) != edge.offset {
			t.Errorf("%+v: zip64 end record has %d files, directory %d+%d", edge, files64, offset64, size64)
		}
	}
}

func TestDOSTime(t *testing.T) {
	for _, c := range []struct {
		at, want time.Time
	}{
		{time.Time{}, time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)},
		{time.Date(1979, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)},
		{time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)},
		{time.Date(1980, 1, 1, 0, 0, 1, 0, time.UTC), time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)},
		{time.Date(2026, 6, 26, 21, 0, 59, 0, time.UTC), time.Date(2026, 6, 26, 21, 0, 58, 0, time.UTC)},
		{time.Date(2000, 2, 29, 12, 34, 56, 0, time.UTC), time.Date(2000, 2, 29, 12, 34, 56, 0, time.UTC)},
		{time.Date(2107, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(2107, 12, 31, 23, 59, 58, 0, time.UTC)},
		{time.Date(2108, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2107, 12, 31, 23, 59, 58, 0, time.UTC)},
		{time.Unix(math.MaxInt64, 0), time.Date(2107, 12, 31, 23, 59, 58, 0, time.UTC)},
	} {
		date, clock := dosTime(c.at.Unix())
		got := time.Date(1980+int(date>>9), time.Month(date>>5&15), int(date&31), int(clock>>11), int(clock>>5&63), 2*int(clock&31), 0, time.UTC)
		if !got.Equal(c.want) && c.at.Unix() != math.MaxInt64 {
			t.Errorf("%v becomes %v, want %v", c.at, got, c.want)
		}
	}
}

// TestZipTimes reads times back that have an extended time stamp and some that
// are out of its range.
func TestZipTimes(t *testing.T) {
	for _, c := range []struct{ at, want time.Time }{
		{time.Date(2026, 6, 26, 21, 0, 59, 0, time.UTC), time.Date(2026, 6, 26, 21, 0, 59, 0, time.UTC)},
		{time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)},
		{time.Date(1960, 1, 1, 0, 0, 1, 0, time.UTC), time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)},
		{time.Unix(math.MaxInt32, 0), time.Unix(math.MaxInt32, 0)},
		{time.Unix(math.MaxInt32+1, 0), time.Unix(math.MaxInt32+1, 0)}, // even
		{time.Date(2050, 1, 1, 0, 0, 1, 0, time.UTC), time.Date(2050, 1, 1, 0, 0, 0, 0, time.UTC)},
		{time.Time{}, time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		var body, tail, a bytes.Buffer
		if err := Zip().Pack(t.Context(), &body, &tail, Options{}, func(p Packer) error {
			_, err := p.Add(t.Context(), Entry{Name: "a", ModTime: c.at}, strings.NewReader("x"))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if err := Zip().Join(t.Context(), &a, Options{}, func(j Joiner) error { return j.Part(&body, &tail) }); err != nil {
			t.Fatal(err)
		}
		r, err := zip.NewReader(bytes.NewReader(a.Bytes()), int64(a.Len()))
		if err != nil {
			t.Fatal(err)
		}
		if got := r.File[0].Modified; !got.Equal(c.want) {
			t.Errorf("%v is read as %v, want %v", c.at, got, c.want)
		}
	}
}

// TestZipBatchOfEmptyFiles: files that have next to nothing in them wait in few places, too.
func TestZipBatchOfEmptyFiles(t *testing.T) {
	for _, content := range []string{"", "x"} {
		most := 0
		err := Zip().Pack(t.Context(), io.Discard, io.Discard, Options{Pool: NewPool(1)}, func(p Packer) error {
			layout := p.(*packer).layout.(*zipLayout)
			for i := range 10_000 {
				if _, err := p.Add(t.Context(), Entry{Name: fmt.Sprint(i)}, strings.NewReader(content)); err != nil {
					return err
				}
				most = max(most, len(layout.entries))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if most > zipBatch/100 {
			t.Errorf("%d files of %d bytes wait to be packed", most, len(content))
		}
	}
}
