package record

import (
	"encoding/json"
	"io"
	"iter"
	"testing"
	"time"
)

// productRow is a row of 15 fields and about 700 bytes of JSON.
func productRow() Row {
	at := time.Date(2026, 11, 23, 10, 30, 0, 123456000, time.UTC)
	return Row{
		Columns: []string{
			"id", "organization_id", "sku", "name", "version", "description", "homepage", "size_kb",
			"price", "in_stock", "tags", "attributes", "image", "created_at", "updated_at",
		},
		Values: []any{
			"TUcPMmz6Tw4FT3Ecp4Hn8S", "LUPHwN96ThHS64LLmsCfbM", "0ad-data", "Real-time strategy game of ancient warfare",
			"0.0.26-1", "A game about ancient warfare, with \"historical\" units.\nIt has data files: maps, sounds and textures " +
				"of twelve peoples. Each people plays in its own way; the campaigns need the package of the same name.",
			"https://play0ad.com/", int64(28591), json.Number("95.93"), true,
			[]string{"game::strategy", "interface::graphical", "role::program", "uitoolkit::sdl"},
			json.RawMessage(`{"priority":"optional","architecture":"amd64","depends":["libc6 (>= 2.34)","libenet7"]}`),
			nil, at, at.Add(time.Hour),
		},
	}
}

// benchmarkFile encodes a row again and again.
func benchmarkFile(b *testing.B, enc Encoding, row Row) {
	b.Helper()
	benchmarkRead(b, NewFile("x", enc, again(b, &row), Options{}, noSkip(b)))
}

func benchmarkPiece(b *testing.B, enc Encoding, row Row) {
	b.Helper()
	benchmarkRead(b, NewPiece("x", enc, again(b, &row), Options{}, 1, noSkip(b)))
}

func again(b *testing.B, row *Row) iter.Seq2[any, error] {
	b.Helper()
	return func(yield func(any, error) bool) {
		for b.Loop() {
			if !yield(row, nil) {
				return
			}
		}
	}
}

func benchmarkRead(b *testing.B, f *File) {
	b.Helper()
	b.ReportAllocs()
	defer f.Close()
	if _, err := io.Copy(io.Discard, f); err != nil || f.Err() != nil {
		b.Fatal(err, f.Err())
	}
}

func BenchmarkEncode(b *testing.B) {
	row := productRow()
	text, err := Encode("x.json", JSON, row, Options{})
	if err != nil {
		b.Fatal(err)
	}
	for _, enc := range []Encoding{JSON, NDJSON, CSV, YAML} {
		b.Run(string(enc), func(b *testing.B) {
			b.SetBytes(int64(len(text))) // the same for all, so that MB/s compare
			benchmarkFile(b, enc, row)
		})
		b.Run("piece of "+string(enc), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			benchmarkPiece(b, enc, row)
		})
	}
	b.Run("one yaml", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Encode("x.yaml", YAML, &row, Options{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// valueRow is productRow with Values.
func valueRow() Row {
	row := productRow()
	for i, v := range row.Values {
		value := new(Value)
		switch v := v.(type) {
		case nil:
		case bool:
			value.SetBool(v)
		case int64:
			value.SetInt(v)
		case json.Number:
			value.SetNumber([]byte(v))
		case string:
			value.SetText([]byte(v))
		case time.Time:
			value.SetText(AppendTime(nil, v))
		case json.RawMessage:
			value.SetJSON(v)
		default:
			value.Set(v)
		}
		row.Values[i] = value
	}
	return row
}

func BenchmarkEncodeValues(b *testing.B) {
	row := valueRow()
	for _, enc := range []Encoding{NDJSON, CSV, YAML} {
		b.Run(string(enc), func(b *testing.B) {
			benchmarkFile(b, enc, row)
		})
	}
}
