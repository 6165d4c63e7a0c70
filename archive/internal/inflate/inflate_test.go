package inflate

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	klauspost "github.com/klauspost/compress/flate"
)

// samples returns data of several kinds.
func samples(n int) map[string][]byte {
	var random *rand.Rand
	all := make(map[string][]byte)
	for name, next := range map[string]func(b []byte) []byte{
		"zeros": func(b []byte) []byte { return append(b, 0) },
		"noise": func(b []byte) []byte { return append(b, byte(random.Uint32())) },
		"acgt":  func(b []byte) []byte { return append(b, "acgt"[random.IntN(4)]) },
		"words": func(b []byte) []byte { return append(b, words[random.IntN(len(words))]...) },
		"rows": func(b []byte) []byte {
			return fmt.Appendf(b, `{"id":%d,"name":"product %x","price":"%d.99"}`+"\n", len(b), random.Uint32(), random.IntN(1000))
		},
		// Long codes need sub-tables.
		"rare": func(b []byte) []byte { return append(b, byte(min(random.ExpFloat64()*9, 255))) },
		"repeats": func(b []byte) []byte { // at all short distances
			piece := []byte("0123456789abcdefghijkl")[:1+random.IntN(22)]
			return append(append(b, byte(random.Uint32())), bytes.Repeat(piece, random.IntN(20))...)
		},
		"far": func(b []byte) []byte {
			if len(b) < 40<<10 {
				return append(b, byte(random.Uint32()))
			}
			at := len(b) - 1 - random.IntN(40<<10-300)
			return append(b, b[at:][:min(3+random.IntN(256), len(b)-at)]...)
		},
	} {
		random = rand.New(rand.NewPCG(1, 1))
		var b []byte
		for len(b) < n {
			b = next(b)
		}
		all[name] = b[:n]
	}
	return all
}

var words = strings.Fields("the of and to in for is on that by this with you it not or stainless steel handle blade kitchen")

// packers pack with and without the mark of the last block.
func packers() map[string]func(raw []byte, last bool) []byte {
	type writer interface {
		io.WriteCloser
		Flush() error
		Reset(io.Writer)
	}
	all := make(map[string]func([]byte, bool) []byte)
	add := func(name string, w writer, err error) {
		all[name] = func(raw []byte, last bool) []byte {
			var b bytes.Buffer
			end := w.Flush
			if last {
				end = w.Close
			}
			w.Reset(&b)
			_, werr := w.Write(raw)
			if err := errors.Join(err, werr, end()); err != nil {
				panic(err)
			}
			return b.Bytes()
		}
	}
	for level := flate.HuffmanOnly; level <= flate.BestCompression; level++ {
		w, err := flate.NewWriter(nil, level)
		add(fmt.Sprint("std ", level), w, err)
		k, err := klauspost.NewWriter(nil, level)
		add(fmt.Sprint("klauspost ", level), k, err)
	}
	return all
}

func TestUnpack(t *testing.T) {
	var d Decoder // one for all: what it keeps must not matter
	packers := packers()
	for _, n := range []int{0, 1, 3, 300, 5000, 100_000} {
		if n == 100_000 { // to distances of 32 KiB
			packers = map[string]func([]byte, bool) []byte{"klauspost 6": packers["klauspost 6"], "std 9": packers["std 9"]}
		}
		for kind, raw := range samples(n) {
			for name, pack := range packers {
				for _, marked := range []bool{false, true} {
					packed := pack(raw, marked)
					got := bytes.Repeat([]byte{'x'}, n)
					if last, err := d.Unpack(got, packed); err != nil || last != marked || !bytes.Equal(got, raw) {
						t.Fatalf("%s, %d bytes of %s: last is %v, %v", name, n, kind, last, err)
					}
				}
			}
		}
	}
}
