package record

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// FuzzPieces cuts records as a program says.
func FuzzPieces(f *testing.F) {
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 400 {
		program := make([]byte, random.IntN(40))
		for j := range program {
			program[j] = byte(random.Uint32())
		}
		f.Add(byte(i), byte(i/4), i%3 > 0, program, []string{"x", "=1,\r\n;\"", "- a: b\t|"}[i%3])
	}
	f.Fuzz(func(t *testing.T, enc, form byte, declare bool, program []byte, name string) {
		p := pieced{enc: allEncodings[enc%4], o: csvOptions(form % csvForms)}
		p.o.MaxBytes = 1000
		p.pieces = piecesOf(program, declare, name[:min(len(name), 100)])
		err := p.check(t)
		if err != nil && declare {
			t.Error(err)
		}
	})
}

// piecesOf returns at most nine pieces. If they are to be declared, each begins with a header.
func piecesOf(program []byte, declare bool, name string) (pieces [][]any) {
	var piece []any
	var first []string // columns of the piece
	add := func(columns []string, v any) {
		piece = append(piece, v)
		if first == nil {
			first = columns
		}
	}
	begin := func() {
		piece, first = nil, nil
		if declare {
			add(idName, idHeader)
		}
	}
	begin()
	for i, b := range program {
		switch b % 16 {
		case 0, 1:
			if len(pieces) < 8 {
				pieces = append(pieces, piece)
				begin()
			}
		case 2:
			add(nil, errPiece)
		case 3:
			add(idName, idHeader)
		case 4:
			add(idName, badRecord)
		case 5:
			add(nil, idRow(strings.Repeat("x", 2000)))
		case 6:
			add(idName[:1], Row{Columns: idName[:1], Values: []any{i}})
		case 7:
			add([]string{"name", "id"}, Row{Columns: []string{"name", "id"}, Values: []any{name, i}})
		case 8:
			add([]string{"id", "x"}, Row{Columns: []string{"id", "x"}, Values: []any{i, name}})
		case 9:
			if len(first) > 1 { // see NewPiece; and encoding/csv passes over empty lines
				add(nil, noFields)
			}
		case 10:
			add(idName, map[string]any{"id": i, "name": []string{name}})
		default:
			add(idName, Row{Columns: idName, Values: []any{i, name}})
		}
	}
	return append(pieces, piece)
}
