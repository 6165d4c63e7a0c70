package record

import (
	"fmt"
	"iter"
)

// NewPiece is [NewFile] for a piece of a file that is written in pieces, maybe by several
// processes at once. The File reads as the piece: its records, and what stands between
// them. [Frame] returns the texts around the pieces, with which they are the bytes of the
// File that NewFile makes of all the records.
//
// The shard is the number of the piece, from 1 on. It is part of the Ref of a record that
// is left out, and numbers of records count within it: "a.csv, row 12 of shard 3 (id 5)".
//
// Each piece of a .csv has its own columns, by the rules of [CSV]. So let each seq begin
// with the same header: see [Row]. Without one, the first record of a piece fixes its
// columns. If it has fewer than other pieces, or another order, Frame fails; if it has no
// fields it is left out. A whole file could have both.
func NewPiece(name string, enc Encoding, seq iter.Seq2[any, error], o Options, shard int, skip func(ref string, err error)) *File {
	f := NewFile(name, enc, seq, o, skip)
	f.shard = shard
	switch e := f.enc.(type) {
	case *jsonEncoder:
		e.piece = true
	case *csvEncoder:
		e.piece = true
	}
	return f
}

// Header returns the header line of a piece of a .csv once the piece was read to its end,
// with the byte order mark and the end of the line. It is empty if no columns were
// declared or met, in other encodings, and for a whole file, which has it in its text.
func (f *File) Header() string {
	if e, ok := f.enc.(*csvEncoder); ok {
		return e.headerLine
	}
	return ""
}

// Piece is what [Frame] needs to know of a piece.
type Piece struct {
	Records int64  // see [File.Count]
	Header  string // see [File.Header]
}

// Frame returns the texts around the pieces of a file, which are given in order: one
// before each piece, and one behind the last. Many of them are empty. Without pieces, the
// one text is that of a file without records. The error is a [*HeaderError].
func Frame(enc Encoding, pieces []Piece) ([]string, error) {
	texts := make([]string, len(pieces)+1)
	switch enc {
	case JSON:
		frameArray(texts, pieces)
	case CSV:
		header, err := commonHeader(pieces)
		if err != nil {
			return nil, err
		}
		texts[0] = header
	}
	return texts, nil
}

func frameArray(texts []string, pieces []Piece) {
	before, end := arrayBegin, arrayEmpty
	for i, piece := range pieces {
		if piece.Records > 0 {
			texts[i] = before
			before, end = arrayComma, arrayEnd
		}
	}
	texts[len(pieces)] = end
}

// commonHeader returns the header of all pieces that have one. A piece that has records
// must have one if others do.
func commonHeader(pieces []Piece) (string, error) {
	first := -1
	for i, piece := range pieces {
		switch {
		case piece == Piece{}:
		case first < 0:
			first = i
		case piece.Header != pieces[first].Header:
			return "", &HeaderError{First: first + 1, Shard: i + 1}
		}
	}
	if first < 0 {
		return "", nil
	}
	return pieces[first].Header, nil
}

// HeaderError tells that pieces have different headers, so that they cannot become one .csv
// file.
type HeaderError struct {
	First, Shard int // the numbers of two such pieces, from 1 on
}

func (e *HeaderError) Error() string {
	return fmt.Sprintf("record: the header of shard %d is not that of shard %d", e.Shard, e.First)
}

// Public returns a text without numbers of shards.
func (e *HeaderError) Public() string {
	return "The records have different columns, so that they cannot be in one .csv file."
}
