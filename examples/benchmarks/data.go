package main

import (
	"bufio"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// Everything that is measured is made by these functions. The same sizes give the same
// bytes on every machine.

// dataset is a folder of files. It is made when it is asked for first.
type dataset struct {
	name string
	make func(folder string, s sizes) error
}

// sizes say how much data there is.
type sizes struct {
	bytes int64 // of the mix; a single file has four times as much
	files int   // that are small
}

var (
	// mix is 60 % rows in NDJSON, 20 % numbers in CSV and 20 % images.
	mix = dataset{"mix", func(folder string, s sizes) error {
		return errors.Join(
			writeFile(filepath.Join(folder, "products.ndjson"), s.bytes*6/10, rows(1)),
			writeFile(filepath.Join(folder, "prices.csv"), s.bytes*2/10, numbers(2)),
			images(filepath.Join(folder, "images"), s.bytes*2/10, 3),
		)
	}}

	// smallFiles have a kilobyte each, a thousand in a folder.
	smallFiles = dataset{"small", func(folder string, s sizes) error { return small(folder, s.files) }}

	// oneFile is one large file of rows.
	oneFile = dataset{"one", func(folder string, s sizes) error {
		return writeFile(filepath.Join(folder, "products.ndjson"), 4*s.bytes, rows(5))
	}}

	// manyImages are files that do not shrink.
	manyImages = dataset{"images", func(folder string, s sizes) error { return images(folder, s.bytes, 6) }}

	// text is what slow codecs pack: a quarter of the mix.
	text = dataset{"text", func(folder string, s sizes) error {
		return errors.Join(
			writeFile(filepath.Join(folder, "products.ndjson"), s.bytes*3/16, rows(7)),
			writeFile(filepath.Join(folder, "prices.csv"), s.bytes/16, numbers(8)),
		)
	}}
)

// folder returns where the files of a dataset are below dir. If they are not there it makes
// them, and gives them their name when all are there.
func (d dataset) folder(dir string, s sizes) (string, error) {
	folder := filepath.Join(dir, fmt.Sprintf("%s-%d-%d", d.name, s.bytes, s.files))
	if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		return folder, err
	}
	making := folder + ".making"
	if err := errors.Join(os.RemoveAll(making), os.MkdirAll(making, 0o755)); err != nil {
		return "", err
	}
	if err := d.make(making, s); err != nil {
		return "", err
	}
	return folder, os.Rename(making, folder)
}

// writeFile fills a file with what next appends, and cuts it at size bytes.
func writeFile(name string, size int64, next func([]byte) []byte) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(file, 1<<20)
	for b := []byte(nil); size > 0; size -= int64(len(b)) {
		b = next(b[:0])
		b = b[:min(int64(len(b)), size)]
		if _, err := out.Write(b); err != nil {
			return errors.Join(err, file.Close())
		}
	}
	return errors.Join(out.Flush(), file.Close())
}

func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 2026)) }

// prose is The Adventures of Tom Sawyer by Mark Twain, of 1876, whose copyright has ended. It
// stands for what people write about products: words that are made up shrink differently.
//
//go:embed prose.txt
var prose string

var proseWords = sync.OnceValue(func() []string {
	plain := strings.Map(func(r rune) rune {
		if r >= 0x80 || r == '"' || r == '\\' { // so that it needs no escapes
			return -1
		}
		return r
	}, prose)
	return strings.Fields(plain)
})

// words returns what appends n words that follow each other in the prose, or a little fewer
// that end a sentence.
func words(r *rand.Rand) func(b []byte, n int) []byte {
	all := proseWords()
	return func(b []byte, n int) []byte {
		at := r.IntN(len(all) - n)
		for i, word := range all[at : at+n] {
			if i > 0 {
				b = append(b, ' ')
			}
			b = append(b, word...)
			if i > n*3/4 && strings.HasSuffix(word, ".") {
				break
			}
		}
		return b
	}
}

// rows appends products as lines of NDJSON, of about 700 bytes.
func rows(seed uint64) func([]byte) []byte {
	r := random(seed)
	sentence := words(r)
	id := 0
	return func(b []byte) []byte {
		id++
		b = fmt.Appendf(b, `{"id":%d,"sku":"%08X-%02d","name":"`, id, r.Uint32(), r.IntN(100))
		b = sentence(b, 2+r.IntN(5))
		b = append(b, `","description":"`...)
		b = sentence(b, 30+r.IntN(70))
		b = fmt.Appendf(b, `","price":"%d.%02d","stock":%d,"weight":%.3f,"category":"`, r.IntN(1000), r.IntN(100), r.IntN(500), r.Float64()*50)
		b = sentence(b, 2)
		b = fmt.Appendf(b, `","created_at":"2026-%02d-%02dT%02d:%02d:%02dZ","updated_at":"2026-11-%02dT%02d:%02d:%02dZ","active":%v,"tags":["`,
			1+r.IntN(10), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(4) > 0)
		b = sentence(b, 1)
		return append(b, "\"]}\n"...)
	}
}

// numbers appends lines of dates and numbers in CSV.
func numbers(seed uint64) func([]byte) []byte {
	r := random(seed)
	id := 0
	return func(b []byte) []byte {
		id++
		return fmt.Appendf(b, "%d,2026-%02d-%02d,%d,%d.%02d,%.4f,%d\n",
			id, 1+id/3000%12, 1+id/100%28, r.IntN(5000), r.IntN(400), r.IntN(100), r.NormFloat64()*3+20, r.IntN(12))
	}
}

// images writes pictures of 50 to 950 KiB: a little that shrinks, and noise.
func images(folder string, size int64, seed uint64) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	r := random(seed)
	var key [32]byte
	for i := range key {
		key[i] = byte(r.Uint32())
	}
	noise := rand.NewChaCha8(key)
	for n := 0; size > 0; n++ {
		b := make([]byte, min(int64(50+r.IntN(900))<<10, size))
		_, _ = noise.Read(b)
		head := "\xff\xd8\xff\xe0\x00\x10JFIF" + strings.Repeat("\x00", 200) + "Exif camera " + strconv.Itoa(n%7)
		copy(b, head)
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%05d.jpg", n)), b, 0o644); err != nil {
			return err
		}
		size -= int64(len(b))
	}
	return nil
}

// small writes files of a kilobyte.
func small(folder string, files int) error {
	next := smallFile()
	for n := range files {
		name := filepath.Join(folder, smallName(n))
		if n%1000 == 0 {
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				return err
			}
		}
		if err := os.WriteFile(name, next(n), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func smallName(n int) string { return fmt.Sprintf("%03d/%07d.yaml", n/1000, n) }

// smallFile returns what makes the content of a small file. It is good until the next call.
func smallFile() func(n int) []byte {
	r := random(4)
	sentence := words(r)
	var b []byte
	return func(n int) []byte {
		b = fmt.Appendf(b[:0], "id: %d\nsku: %08X\nname: ", n, r.Uint32())
		b = sentence(b, 4)
		b = append(b, "\ndescription: "...)
		for len(b) < 900 {
			b = append(sentence(b, 10), ' ')
		}
		b = fmt.Appendf(b, "\nprice: %d.%02d\nstock: %d\nactive: true\ncreated: 2026-06-%02dT12:00:00Z\ntags: ", r.IntN(1000), r.IntN(100), r.IntN(500), 1+r.IntN(28))
		for len(b) < 1023 {
			b = append(sentence(b, 1), ' ')
		}
		return append(b[:1023], '\n')
	}
}
