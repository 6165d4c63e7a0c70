package archive_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/archive/xz"
	"github.com/orgexport/orgexport/archive/zstd"
)

// words make text that packs like that of a catalogue.
var words = strings.Fields(`the of and to a in for is on that by this with you it not or be are from at as your all have new
	more was we will can about if page my has no other home site time which do their there out online up what news use any see
	only so his when here who also now get view first been would how were services some these its like service than find price
	stainless steel handle blade kitchen waterproof cotton wireless battery charger adapter cable mount bracket garden outdoor`)

func sentence(random *rand.Rand, b []byte, n int) []byte {
	for range n {
		b = append(b, words[random.IntN(len(words))]...)
		b = append(b, ' ')
	}
	return b
}

// ndjson returns n bytes of product rows.
func ndjson(n int) []byte {
	random := rand.New(rand.NewPCG(1, 1))
	b := make([]byte, 0, n+1000)
	for id := 0; len(b) < n; id++ {
		b = fmt.Appendf(b, `{"id":%d,"sku":"%08X","name":"`, id, random.Uint32())
		b = sentence(random, b, 4)
		b = append(b, `","description":"`...)
		b = sentence(random, b, 30)
		b = fmt.Appendf(b, `","price":"%d.%02d","stock":%d,"created":"2026-06-%02dT%02d:%02d:%02dZ","active":%v}`+"\n",
			random.IntN(1000), random.IntN(100), random.IntN(500), 1+random.IntN(28), random.IntN(24), random.IntN(60), random.IntN(60), random.IntN(2) == 0)
	}
	return b[:n]
}

// yamls returns n small files.
func yamls(n int) [][]byte {
	random := rand.New(rand.NewPCG(2, 2))
	files := make([][]byte, n)
	for id := range files {
		b := fmt.Appendf(nil, "id: %d\nsku: %08X\nname: ", id, random.Uint32())
		b = append(sentence(random, b, 4), "\ndescription: "...)
		b = sentence(random, b, 20+random.IntN(60))
		files[id] = fmt.Appendf(b, "\nprice: %d.%02d\nstock: %d\ntags: [%s, %s]\nactive: true\ncreated: 2026-06-%02dT12:00:00Z\n",
			random.IntN(1000), random.IntN(100), random.IntN(500), words[random.IntN(len(words))], words[random.IntN(len(words))], 1+random.IntN(28))
	}
	return files
}

func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b)
	return b
}

// BenchmarkArchive packs one part and joins it, with body and archive in
// memory.
func BenchmarkArchive(b *testing.B) {
	for _, data := range []struct {
		name  string
		files func() [][]byte
	}{
		{"ndjson-64MiB", func() [][]byte { return [][]byte{ndjson(64 << 20)} }},
		{"yaml-9000", func() [][]byte { return yamls(9000) }},
		{"noise-32MiB", func() [][]byte { return [][]byte{noise(32 << 20)} }},
	} {
		files := data.files()
		for _, format := range []archive.Format{archive.TarGz(), archive.Zip()} {
			b.Run(format.Name()+"/"+data.name, func(b *testing.B) { benchmark(b, format, files) })
		}
	}
}

func benchmark(b *testing.B, format archive.Format, files [][]byte) {
	o := archive.Options{Pool: archive.NewPool(0), Scratch: b.TempDir()}
	var body, tail bytes.Buffer
	var size int64
	for _, f := range files {
		size += int64(len(f))
	}
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		body.Reset()
		tail.Reset()
		err := format.Pack(b.Context(), &body, &tail, o, func(p archive.Packer) error {
			for n, f := range files {
				e := archive.Entry{Name: fmt.Sprintf("products/%d/product.yaml", n), ModTime: time.Unix(1_790_000_000, 0)}
				if _, err := p.Add(b.Context(), e, bytes.NewReader(f)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		err = format.Join(b.Context(), io.Discard, o, func(j archive.Joiner) error {
			return j.Part(bytes.NewReader(body.Bytes()), bytes.NewReader(tail.Bytes()))
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(body.Len())/float64(size), "ratio")
}

// BenchmarkJoinPieces joins a file of eight pieces, and a part that has the same file whole.
func BenchmarkJoinPieces(b *testing.B) {
	for _, data := range []struct {
		name    string
		content []byte
	}{
		{"ndjson", ndjson(64 << 20)},
		{"noise", noise(64 << 20)},
	} {
		for _, format := range []archive.Format{archive.TarGz(), archive.Zip(), xz.TarXz(), zstd.TarZst()} {
			content := data.content
			if format.Name() == "tar.xz" {
				content = content[:8<<20] // it packs slowly
			}
			b.Run(format.Name()+"/"+data.name, func(b *testing.B) { benchmarkJoin(b, format, content) })
		}
	}
}

func benchmarkJoin(b *testing.B, format archive.Format, content []byte) {
	o := archive.Options{Pool: archive.NewPool(0), Scratch: b.TempDir()}
	e := archive.Entry{Name: "products.ndjson", ModTime: time.Unix(1_790_000_000, 0)}
	const workers = 8
	var pieces []archive.PieceSource
	var packed int64
	for n := range workers {
		var body, tail bytes.Buffer
		r := bytes.NewReader(content[n*len(content)/workers : (n+1)*len(content)/workers])
		piece, err := format.PackPiece(b.Context(), &body, &tail, o, r)
		if err != nil {
			b.Fatal(err)
		}
		packed += piece.Packed
		pieces = append(pieces, archive.PieceSource{Piece: piece, Open: func() (io.Reader, io.Reader, func(), error) {
			return bytes.NewReader(body.Bytes()), bytes.NewReader(tail.Bytes()), nil, nil
		}})
	}
	var body, tail bytes.Buffer
	if err := format.Pack(b.Context(), &body, &tail, o, func(p archive.Packer) error {
		_, err := p.Add(b.Context(), e, bytes.NewReader(content))
		return err
	}); err != nil {
		b.Fatal(err)
	}
	for name, fn := range map[string]func(archive.Joiner) error{
		"part": func(j archive.Joiner) error {
			return j.Part(bytes.NewReader(body.Bytes()), bytes.NewReader(tail.Bytes()))
		},
		"pieces": func(j archive.Joiner) error {
			_, err := j.File(e, pieces)
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			b.ReportAllocs()
			for b.Loop() {
				if err := format.Join(b.Context(), io.Discard, o, fn); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(packed)/float64(body.Len()), "size/part")
		})
	}
}
