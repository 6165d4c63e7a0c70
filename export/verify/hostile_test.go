package verify_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/klauspost/compress/flate"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export/verify"
)

type hostile struct {
	name    string
	format  archive.Format
	archive []byte
	want    verify.Kind // among the findings
}

// hostileNames cannot be unpacked everywhere, or lead elsewhere.
var hostileNames = []string{
	"../x", "top/../../x", "/etc/passwd", "top//x", "top/./x", `top\..\..\x`, `C:\x`, "C:/x", "C:x", `\\host\x`, "top/a\x00b", "top/a\nb", "top/\xff",
}

func TestHostile(t *testing.T) {
	dir := t.TempDir()
	for _, h := range slices.Concat(hostileZips(t), hostileTars(t), hostileTexts(t)) {
		t.Run(h.format.Name()+"/"+h.name, func(t *testing.T) {
			path := filepath.Join(dir, "archive")
			if err := os.WriteFile(path, h.archive, 0o600); err != nil {
				t.Fatal(err)
			}
			scratch := t.TempDir()
			found, peak := child(t, h.format, path, scratch, false)
			if !slices.Contains(found, string(h.want)) {
				t.Errorf("found %v, want %s", found, h.want)
			}
			if peak > 64<<20 {
				t.Errorf("took %d MiB of memory", peak>>20)
			}
			if left := tree(t, scratch); len(left) > 0 {
				t.Errorf("%d files are left", len(left))
			}
		})
	}
}

// zipOf packs files as headers tell.
func zipOf(t *testing.T, headers ...zip.FileHeader) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, h := range headers {
		content := "content of " + h.Name
		h.CRC32, h.CompressedSize64, h.UncompressedSize64 = crc32.ChecksumIEEE([]byte(content)), uint64(len(content)), uint64(len(content))
		w, err := z.CreateRaw(&h)
		if err == nil {
			_, err = io.WriteString(w, content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func named(name string) zip.FileHeader { return zip.FileHeader{Name: name} }

func moded(name string, mode fs.FileMode) zip.FileHeader {
	h := named(name)
	h.SetMode(mode)
	return h
}

// unicodeName is the extra field with a name in UTF-8.
func unicodeName(name, other string) zip.FileHeader {
	h := named(name)
	h.Extra = binary.LittleEndian.AppendUint16([]byte{0x75, 0x70}, uint16(5+len(other)))
	h.Extra = binary.LittleEndian.AppendUint32(append(h.Extra, 1), crc32.ChecksumIEEE([]byte(name)))
	h.Extra = append(h.Extra, other...)
	return h
}

func hostileZips(t *testing.T) []hostile {
	t.Helper()
	var list []hostile
	add := func(name string, b []byte, want verify.Kind) {
		list = append(list, hostile{name, archive.Zip(), b, want})
	}
	for _, name := range hostileNames {
		add("name "+name, zipOf(t, named(name)), verify.Unsafe)
	}
	add("symbolic link", zipOf(t, moded("top/link", fs.ModeSymlink|0o777)), verify.Unsafe)
	add("device", zipOf(t, moded("top/device", fs.ModeDevice|0o600)), verify.Unsafe)
	add("pipe", zipOf(t, moded("top/pipe", fs.ModeNamedPipe|0o600)), verify.Unsafe)
	link := zip.FileHeader{Name: "top/link", ExternalAttrs: 0o120777<<16 | 0x8000} // made by MS-DOS
	add("symbolic link of another system", zipOf(t, link), verify.Unsafe)
	add("same name twice", zipOf(t, named("top/a"), named("top/a")), verify.Duplicate)
	add("names that differ in case", zipOf(t, named("top/a"), named("top/A")), verify.Duplicate)
	add("names that differ in normalization", zipOf(t, named("top/\u00e9"), named("top/e\u0301")), verify.Duplicate)
	add("file and folder", zipOf(t, named("top/a"), named("top/a/b")), verify.Duplicate)
	add("second name", zipOf(t, unicodeName("top/good", "top/evil")), verify.Unsafe)
	add("second name elsewhere", zipOf(t, unicodeName("top/日", "../日")), verify.Unsafe)

	two := zipOf(t, named("top/a"), named("top/b"))
	directory := bytes.Index(two, []byte("PK\x01\x02"))
	second := directory + 46 + len("top/a")
	patch := func(at int, value uint32) []byte {
		b := bytes.Clone(two)
		binary.LittleEndian.PutUint32(b[at:], value)
		return b
	}
	add("overlap", patch(second+42, 0), verify.Unsafe)
	add("hidden file", zipWithout(two, second), verify.Unsafe)
	add("another name in front", bytes.Replace(two, []byte("top/b"), []byte("top/c"), 1), verify.Unsafe)
	add("another size in front", patch(22, 7), verify.Unsafe)
	add("another size in the directory", patch(directory+24, 7), verify.Unsafe)
	add("another sum in the directory", patch(directory+16, 7), verify.Unsafe)
	for name, size := range map[string]uint32{"too small": 3, "too large": 1 << 20, "huge": 1<<32 - 2} {
		b := patch(22, size)
		binary.LittleEndian.PutUint32(b[directory+24:], size)
		add("stored size "+name, b, verify.Damaged)
	}
	add("something before it", append([]byte("#!/bin/sh\n"), two...), verify.Damaged)
	add("something behind it", append(bytes.Clone(two), 0), verify.Damaged)
	for name, size := range map[string]uint64{"right": 2 << 30, "too small": 1000, "too large": 3 << 30, "beyond all": 1 << 62} {
		want := verify.Limit
		switch name {
		case "too small":
			want = verify.Damaged
		case "beyond all": // in the directory only
			want = verify.Unsafe
		}
		add("bomb whose size is "+name, zipBomb(t, size), want)
	}
	add("bomb of overlapping files", overlappingBomb(t), verify.Unsafe)
	add("nothing but an end", []byte("PK\x05\x06"+strings.Repeat("\x00", 18)), verify.Sums)
	many := []byte("PK\x05\x06" + strings.Repeat("\x00", 18))
	many[8], many[9], many[10], many[11] = 0xff, 0xff, 0xff, 0xff
	add("65,535 files that are not there", many, verify.Damaged)
	return list
}

// zipWithout takes the entry at an offset off the directory, and leaves its
// file where it is.
func zipWithout(b []byte, entry int) []byte {
	end := len(b) - 22
	out := append(bytes.Clone(b[:entry]), b[end:]...)
	tail := out[len(out)-22:]
	tail[8], tail[10] = 1, 1
	binary.LittleEndian.PutUint32(tail[12:], binary.LittleEndian.Uint32(tail[12:])-uint32(end-entry))
	return out
}

// deflated packs n MiB of zeros after first.
func deflated(t *testing.T, first []byte, n int) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, 9)
	if err != nil {
		t.Fatal(err)
	}
	end := make([]int, 4)
	for i, b := range [][]byte{first, make([]byte, 1<<20), make([]byte, 1<<20), nil} {
		_, err := w.Write(b)
		if err == nil && i < 3 {
			err = w.Flush()
		} else if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		end[i] = out.Len()
	}
	b := out.Bytes()
	again := bytes.Repeat(b[end[1]:end[2]], n-1)
	return slices.Concat(b[:end[1]], again, b[end[2]:])
}

// zipBomb has 2 GiB of zeros and says that it has declared bytes.
func zipBomb(t *testing.T, declared uint64) []byte {
	t.Helper()
	packed := deflated(t, nil, 2<<10)
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	w, err := z.CreateRaw(&zip.FileHeader{Name: "top/bomb", Method: zip.Deflate, CompressedSize64: uint64(len(packed)), UncompressedSize64: declared})
	if err == nil {
		_, err = w.Write(packed)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// overlappingBomb is made as David Fifield describes it: each file quotes the
// next one's header, and all of them end in the same kernel.
func overlappingBomb(t *testing.T) []byte {
	t.Helper()
	const files = 50
	data := deflated(t, nil, 1)
	sum := crc32.ChecksumIEEE(make([]byte, 1<<20))
	raw := make([]byte, 1<<20)
	var local [files][]byte
	sizes := make([][3]uint32, files)
	for i := files - 1; i >= 0; i-- {
		if i < files-1 {
			quote := binary.LittleEndian.AppendUint16([]byte{0}, uint16(len(local[i+1])))
			quote = binary.LittleEndian.AppendUint16(quote, ^uint16(len(local[i+1])))
			data = append(append(quote, local[i+1]...), data...)
			raw = append(bytes.Clone(local[i+1]), raw...)
			sum = crc32.ChecksumIEEE(raw)
		}
		sizes[i] = [3]uint32{sum, uint32(len(data)), uint32(len(raw))}
		local[i] = append([]byte("PK\x03\x04"), bombFields(sizes[i], 0)...)
		local[i] = append(local[i], fmt.Sprintf("top/%02d", i)...)
	}
	out := append(bytes.Clone(local[0]), data...)
	directory, offset := len(out), uint32(0)
	for i := range files {
		out = append(out, "PK\x01\x02\x14\x03"...)
		out = append(out, bombFields(sizes[i], 10)...)
		out = binary.LittleEndian.AppendUint32(out, 0o100644<<16)
		out = binary.LittleEndian.AppendUint32(out, offset)
		out = append(out, fmt.Sprintf("top/%02d", i)...)
		offset += uint32(len(local[i])) + 5
	}
	size := len(out) - directory
	out = append(out, "PK\x05\x06\x00\x00\x00\x00"...)
	out = append(out, files, 0, files, 0)
	out = binary.LittleEndian.AppendUint32(out, uint32(size))
	out = binary.LittleEndian.AppendUint32(out, uint32(directory))
	return append(out, 0, 0)
}

// bombFields are those from the version on, with n zero bytes behind them.
func bombFields(sizes [3]uint32, n int) []byte {
	b := []byte{20, 0, 0, 0, 8, 0, 0, 0, 0x21, 0}
	for _, v := range sizes {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return append(append(b, 6, 0, 0, 0), make([]byte, max(0, n-2))...)
}

func hostileTars(t *testing.T) []hostile {
	t.Helper()
	var list []hostile
	add := func(name string, b []byte, want verify.Kind) {
		list = append(list, hostile{name, archive.TarGz(), gzipped(t, b), want})
	}
	of := func(headers ...tar.Header) []byte {
		for i := range headers {
			if headers[i].Typeflag == 0 {
				headers[i].Typeflag, headers[i].Size = tar.TypeReg, 1
			}
		}
		return tarOf(t, headers, func(tar.Header) string { return "x" })
	}
	for _, name := range hostileNames {
		if !strings.ContainsRune(name, 0) && utf8.ValidString(name) {
			add("name "+name, of(tar.Header{Name: name}), verify.Unsafe)
		}
	}
	for kind, h := range map[string]tar.Header{
		"symbolic link": {Typeflag: tar.TypeSymlink, Name: "top/a", Linkname: "/etc"},
		"hard link":     {Typeflag: tar.TypeLink, Name: "top/a", Linkname: "top/b"},
		"device":        {Typeflag: tar.TypeChar, Name: "top/a"},
		"block device":  {Typeflag: tar.TypeBlock, Name: "top/a"},
		"pipe":          {Typeflag: tar.TypeFifo, Name: "top/a"},
	} {
		add(kind, of(h), verify.Unsafe)
	}
	add("same name twice", of(tar.Header{Name: "top/a"}, tar.Header{Name: "top/a"}), verify.Duplicate)
	add("names that differ in case", of(tar.Header{Name: "top/a"}, tar.Header{Name: "top/A"}), verify.Duplicate)
	add("behind the end", append(of(tar.Header{Name: "top/a"}), of(tar.Header{Name: "top/b"})...), verify.Damaged)
	add("no end", of(tar.Header{Name: "top/a"})[:512], verify.Damaged)

	add("long name of 1 GiB", append(tarHeader("L", 1<<30), make([]byte, 64<<20)...), verify.Damaged)
	add("long link of 1 GiB", append(tarHeader("K", 1<<30), make([]byte, 64<<20)...), verify.Damaged)
	add("extended header of 1 GiB", append(tarHeader("x", 1<<30), make([]byte, 64<<20)...), verify.Damaged)
	add("global header", append(tarHeader("g", 512), paxBlock("comment=x")...), verify.Unsafe)
	var endless []byte
	for range 200_000 {
		endless = append(append(endless, tarHeader("x", 512)...), paxBlock("comment=x")...)
	}
	add("nothing but extended headers", endless, verify.Damaged)
	add("sparse", tarHeader("S", 512), verify.Damaged)
	sparse := paxBlock("GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=top/s", "GNU.sparse.realsize=1099511627775")
	add("sparse file of 1 TiB", slices.Concat(tarHeader("x", 512), sparse, tarHeader("0", 512), []byte("0\n"), make([]byte, 510+1024)), verify.Unsafe)
	add("declared size of 1 EiB", tarHeader("0", 1<<60), verify.Limit)
	list = append(list, hostile{"bomb", archive.TarGz(), gzipBomb(t), verify.Limit})
	return list
}

// paxBlock is a block of extended header records.
func paxBlock(records ...string) []byte {
	b := make([]byte, 0, 512)
	for _, record := range records {
		n := len(record) + 4 // a space, a line feed and two digits
		b = fmt.Appendf(b, "%d %s\n", n, record)
	}
	pad := 512 - len(b)
	b = append(b, fmt.Sprintf("%d comment=", pad)...)
	return append(b, strings.Repeat("x", 512-len(b)-1)+"\n"...)
}

// tarHeader is a header block of a kind.
func tarHeader(kind string, size int64) []byte {
	b := make([]byte, 512)
	copy(b, "top/file")
	copy(b[100:], "0000644\x000000000\x000000000\x00")
	if size < 1<<33 {
		copy(b[124:], fmt.Sprintf("%011o\x00", size))
	} else {
		b[124] = 0x80
		binary.BigEndian.PutUint64(b[128:], uint64(size))
	}
	copy(b[136:], "00000000000\x00        "+kind)
	copy(b[257:], "ustar\x0000")
	sum := 0
	for _, c := range b {
		sum += int(c)
	}
	copy(b[148:], fmt.Sprintf("%06o\x00 ", sum))
	return b
}

// gzipBomb has a file of 2 GiB.
func gzipBomb(t *testing.T) []byte {
	t.Helper()
	head := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}
	return slices.Concat(head, deflated(t, tarHeader("0", 2<<30), 2<<10), make([]byte, 8))
}

// hostileTexts have a manifest or list of sums that is not what it seems.
func hostileTexts(t *testing.T) []hostile {
	t.Helper()
	var list []hostile
	original := unpack(t, archive.Zip(), small(t, archive.Zip()))
	add := func(name, file, content string, want verify.Kind) {
		files := maps.Clone(original)
		files[top+"/"+file] = content
		list = append(list, hostile{name, archive.Zip(), pack(t, archive.Zip(), files, func([]string) {}), want})
	}
	laughs := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		laughs += fmt.Sprintf("%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", c, c, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1)
	}
	add("manifest of laughs", "manifest.yaml", laughs, verify.Manifest)
	add("manifest of brackets", "manifest.yaml", strings.Repeat("[", 100_000), verify.Manifest)
	add("manifest of many brackets", "manifest.yaml", strings.Repeat("[", 4<<20), verify.Manifest)
	add("manifest of many values", "manifest.yaml", "x: ["+strings.Repeat("1,", 65_000)+"]", verify.Manifest)
	add("manifest of one value", "manifest.yaml", "x: "+strings.Repeat("y", 3<<20), verify.Manifest)
	add("manifest of many lines", "manifest.yaml", "x: "+strings.Repeat("y\n  ", 1_000_000), verify.Manifest)
	add("manifest of comments", "manifest.yaml", strings.Repeat("# x\n", 1<<20), verify.Manifest)
	add("manifest of tabs", "manifest.yaml", strings.Repeat("\t", 4<<20), verify.Manifest)
	add("manifest too large", "manifest.yaml", strings.Repeat("x", 5<<20), verify.Limit)
	add("sums without lines", "SHA256SUMS", strings.Repeat("0", 100<<20), verify.Sums)
	add("sums of empty lines", "SHA256SUMS", strings.Repeat("\n", 1<<20), verify.Sums)
	add("sums of files that are not there", "SHA256SUMS", strings.Repeat(strings.Repeat("0", 64)+"  x\n", 300_000), verify.Missing)
	var sections []zip.FileHeader
	for i := range 10_001 {
		sections = append(sections, named(fmt.Sprintf("top/s%d/x", i)))
	}
	list = append(list, hostile{"very many sections", archive.Zip(), zipOf(t, sections...), verify.Limit})
	return list
}
