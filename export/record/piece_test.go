package record

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// pieced is a file in pieces. An error among the values of one is what its sequence fails
// with.
type pieced struct {
	enc    Encoding
	o      Options
	pieces [][]any
}

// join returns the text of the pieces with that of Frame around them, and what of their
// values went into it: those before a failure.
func (p pieced) join(t *testing.T) (text string, values, left []any, err error) {
	t.Helper()
	var pieces []Piece
	var texts []string
	for i, list := range p.pieces {
		pulled := 0
		var skipped []int64
		f := NewPiece("x", p.enc, func(yield func(any, error) bool) {
			for _, v := range list {
				pulled++
				err, _ := v.(error)
				if !yield(v, err) {
					return
				}
			}
		}, p.o, i+1, func(ref string, err error) {
			e, ok := errors.AsType[*EncodeError](err)
			if !ok || e.Shard != i+1 || !strings.HasPrefix(ref+" ", fmt.Sprintf("x, row %d of shard %d ", e.Number, i+1)) {
				t.Fatalf("skipped %s: %#v", ref, err)
			}
			skipped = append(skipped, e.Number)
		})
		texts = append(texts, string(readFile(t, f)))
		if f.Err() != nil {
			pulled--
		}
		values = append(values, list[:pulled]...)
		written := recordsOf(list[:pulled], skipped)
		left = append(left, written...)
		if f.Count() != int64(len(written)) {
			t.Fatalf("piece %d has %d records, want %d", i+1, f.Count(), len(written))
		}
		pieces = append(pieces, Piece{Records: f.Count(), Header: f.Header()})
	}
	frame, err := Frame(p.enc, pieces)
	if e, ok := errors.AsType[*HeaderError](err); ok {
		if p.enc != CSV || frame != nil || pieces[e.First-1].Header == pieces[e.Shard-1].Header {
			t.Fatalf("got %q, %v, of %+v", frame, err, pieces)
		}
		return "", nil, nil, err
	}
	if err != nil || len(frame) != len(texts)+1 {
		t.Fatalf("got %q, %v", frame, err)
	}
	var b strings.Builder
	for i, text := range texts {
		b.WriteString(frame[i] + text)
	}
	return b.String() + frame[len(texts)], values, left, nil
}

// recordsOf returns the records among values that were not skipped, by their numbers.
func recordsOf(values []any, skipped []int64) (records []any) {
	number := int64(0)
	for _, v := range values {
		if _, ok := headerOf(v); ok {
			continue
		}
		number++
		if !slices.Contains(skipped, number) {
			records = append(records, v)
		}
	}
	return records
}

// check compares the pieces with the whole file, and has another reader read them. The first
// field of the records is their id.
func (p pieced) check(t *testing.T) error {
	t.Helper()
	text, values, left, err := p.join(t)
	if err != nil {
		return err
	}
	whole := NewFile("x", p.enc, seqOf(values...), p.o, func(string, error) {})
	if want := string(readFile(t, whole)); text != want || whole.Err() != nil {
		t.Fatalf("%s %+v: got %q, want %q, %v", p.enc, p.o, text, want, whole.Err())
	}
	want := make([]string, len(left))
	for i, v := range left {
		want[i] = idOf(v)
	}
	if got, err := p.ids([]byte(text)); err != nil || !slices.Equal(got, want) {
		t.Fatalf("%s %+v: another reader has %q, %v, want %q\n%s", p.enc, p.o, got, err, want, text)
	}
	return nil
}

// idOf returns the id of a record of these tests, or nothing.
func idOf(v any) string {
	switch v := v.(type) {
	case Row:
		if i := slices.Index(v.Columns, "id"); i >= 0 {
			return fmt.Sprint(v.Values[i])
		}
	case map[string]any:
		return fmt.Sprint(v["id"])
	case json.RawMessage:
		var object map[string]any
		if json.Unmarshal(v, &object) == nil {
			return fmt.Sprint(object["id"])
		}
	}
	return ""
}

// ids returns the ids that readers of others find in a file.
func (p pieced) ids(text []byte) (ids []string, err error) {
	trees, err := p.trees(text)
	for _, tree := range trees {
		id := ""
		for _, f := range tree.(fields) {
			if f.key == "id" {
				id = fmt.Sprint(f.value)
			}
		}
		ids = append(ids, id)
	}
	return ids, err
}

func (p pieced) trees(text []byte) (trees []any, err error) {
	switch p.enc {
	case YAML:
		return treesOfYAML(text)
	case JSON:
		tree, err := treeOfJSON(text)
		trees, _ = tree.([]any)
		return trees, err
	case NDJSON:
		for line := range strings.Lines(string(text)) {
			tree, err := treeOfJSON([]byte(line))
			if err != nil {
				return nil, err
			}
			trees = append(trees, tree)
		}
		return trees, nil
	}
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(text), byteOrderMark)))
	if p.o.CSV.Delimiter != 0 {
		r.Comma = rune(p.o.CSV.Delimiter)
	}
	lines, err := r.ReadAll()
	for _, line := range lines[min(1, len(lines)):] {
		tree := fields{}
		for i, cell := range line {
			tree = append(tree, field{lines[0][i], cell})
		}
		trees = append(trees, tree)
	}
	return trees, err
}

// eachForm calls one for all encodings and forms of a .csv.
func eachForm(one func(enc Encoding, o Options)) {
	for _, enc := range []Encoding{YAML, JSON, NDJSON} {
		one(enc, Options{})
	}
	for form := range byte(csvForms) {
		one(CSV, csvOptions(form))
	}
}

const csvForms = 24

// csvOptions returns one of the options of a .csv.
func csvOptions(form byte) Options {
	return Options{RawCSV: form&1 > 0, CSV: CSVForm{BOM: form&2 > 0, LineFeed: form&4 > 0, Delimiter: []byte{0, ';', '\t'}[form>>3%3]}}
}

var (
	idName    = []string{"id", "name"}
	idHeader  = Row{Columns: idName}
	badRecord = Row{Columns: idName, Values: []any{99, func() {}}}
	noFields  = Row{Columns: []string{}, Values: []any{}}
	errPiece  = errors.New("source")
)

func TestPieces(t *testing.T) {
	a, b, c, onlyID := idRow(1), idRow(2), json.RawMessage(`{"id":3,"name":"=1;2,\"\t"}`), Row{Columns: []string{"id"}, Values: []any{4}}
	swapped := Row{Columns: []string{"name", "id"}, Values: []any{"y", 5}}
	long := Row{Columns: idName, Values: []any{6, strings.Repeat("x", fillBytes/50)}}
	for name, pieces := range map[string][][]any{
		"none":                   {},
		"one":                    {{a, b}},
		"two":                    {{a}, {b, c}},
		"one empty":              {{}},
		"all empty":              {{}, {}, {}},
		"first empty":            {{}, {a}, {b}},
		"last empty":             {{a, b}, {c}, {}},
		"some empty":             {{}, {}, {a}, {}, {}, {b}, {c}, {}, {}},
		"only headers":           {{idHeader}, {idHeader}},
		"headers":                {{idHeader, a}, {&idHeader, b}, {idHeader}},
		"some headers":           {{a}, {idHeader}, {}, {idHeader, b}},
		"bad records":            {{badRecord, a}, {b, badRecord}, {badRecord}, {c}},
		"only bad records":       {{badRecord}, {badRecord, badRecord}},
		"failures":               {{a, errPiece, b}, {errPiece}, {c}},
		"bad headers":            {{idHeader, a, Row{Columns: []string{"x"}}, b}, {b, c}},
		"other columns":          {{idHeader, swapped, onlyID, noFields}, {idHeader, noFields, a}, {idHeader, onlyID}, {idHeader, swapped}},
		"unknown columns":        {{a, Row{Columns: []string{"id", "x"}, Values: []any{6, 7}}}, {b}},
		"one column":             {{onlyID}, {onlyID, a}, {}},
		"more than is read once": {slices.Repeat([]any{a, long}, 100), slices.Repeat([]any{long, b}, 100), {a}},
	} {
		t.Run(name, func(t *testing.T) {
			eachForm(func(enc Encoding, o Options) {
				if err := (pieced{enc, o, pieces}).check(t); err != nil {
					t.Errorf("%s: %v", enc, err)
				}
			})
		})
	}
}

// Pieces that begin without a header, and with other columns than the first, cannot be
// joined as .csv.
func TestPiecesOfOtherColumns(t *testing.T) {
	for name, other := range map[string]any{
		"fewer":       Row{Columns: []string{"id"}, Values: []any{2}},
		"more":        Row{Columns: []string{"id", "name", "x"}, Values: []any{2, "x", nil}},
		"order":       Row{Columns: []string{"name", "id"}, Values: []any{"x", 2}},
		"declared":    Row{Columns: []string{"id"}},
		"not encoded": Row{Columns: []string{"id"}, Values: []any{func() {}}},
	} {
		t.Run(name, func(t *testing.T) {
			eachForm(func(enc Encoding, o Options) {
				err := pieced{enc, o, [][]any{{}, {idRow(1)}, {}, {other, idRow(3)}}}.check(t)
				e, ok := errors.AsType[*HeaderError](err)
				if ok != (enc == CSV) || ok && *e != (HeaderError{First: 2, Shard: 4}) {
					t.Errorf("%s: got %v", enc, err)
				}
			})
		})
	}
}

func TestPiece(t *testing.T) {
	for enc, want := range map[Encoding]struct{ text, header string }{
		YAML:   {"---\nid: 1\nname: x\n---\nid: 2\nname: x\n", ""},
		JSON:   {"{\"id\":1,\"name\":\"x\"},\n{\"id\":2,\"name\":\"x\"}", ""},
		NDJSON: {"{\"id\":1,\"name\":\"x\"}\n{\"id\":2,\"name\":\"x\"}\n", ""},
		CSV:    {"1;x\n2;x\n", "\ufeffid;name\n"},
	} {
		t.Run(string(enc), func(t *testing.T) {
			o := Options{CSV: CSVForm{Delimiter: ';', BOM: true, LineFeed: true}}
			row := idRow(func() {})
			var skipped skips
			f := NewPiece("a/x", enc, seqOf(idRow(1), row, func() {}, row, idRow(2)), o, 3, skipped.skip)
			defer f.Close()
			if err := iotest.TestReader(f, []byte(want.text)); err != nil {
				t.Error(err)
			}
			if f.Header() != want.header || f.Count() != 2 || f.Err() != nil {
				t.Errorf("got %d records, header %q, %v", f.Count(), f.Header(), f.Err())
			}
			if got := strings.Join(skipped, " "); got != "a/x, row 2 of shard 3 a/x, row 3 of shard 3 a/x, row 4 of shard 3" {
				t.Errorf("skipped %s", got)
			}
		})
	}
}

// What a piece leaves out, and why it ends, is named so that it is found.
func TestPieceNames(t *testing.T) {
	var skipped skips
	f := NewPiece("x.csv", CSV, seqOf(noFields, Row{Columns: idName, Values: []any{7, func() {}}}, idRow(8), Row{Columns: []string{"y"}}, idRow(9)), Options{}, 12, skipped.skip)
	if text := string(readFile(t, f)); text != "8,x\r\n" || f.Header() != "id,name\r\n" {
		t.Errorf("got %q after %q", text, f.Header())
	}
	if got := strings.Join(skipped, "; "); got != "x.csv, row 1 of shard 12; x.csv, row 2 of shard 12 (id 7)" {
		t.Errorf("skipped %s", got)
	}
	if e, ok := errors.AsType[*EncodeError](f.Err()); !ok || e.Name != "x.csv" || e.Shard != 12 || e.Number != 0 {
		t.Errorf("got %#v", f.Err())
	}
	whole := NewFile("x.csv", CSV, seqOf(idRow(1)), Options{}, noSkip(t))
	if text := string(readFile(t, whole)); whole.Header() != "" {
		t.Errorf("the header of a whole file is in %q and apart: %q", text, whole.Header())
	}
}

func TestFrame(t *testing.T) {
	const ab, ac = "a,b\r\n", "a,c\r\n"
	some, none := Piece{Records: 2}, Piece{}
	for _, test := range []struct {
		enc    Encoding
		pieces []Piece
		want   []string
	}{
		{JSON, nil, []string{"[]\n"}},
		{JSON, []Piece{none, none}, []string{"", "", "[]\n"}},
		{JSON, []Piece{some}, []string{"[\n", "\n]\n"}},
		{JSON, []Piece{none, some, none, some, none}, []string{"", "[\n", "", ",\n", "", "\n]\n"}},
		{NDJSON, []Piece{some, none, some}, []string{"", "", "", ""}},
		{YAML, []Piece{some, none, some}, []string{"", "", "", ""}},
		{CSV, nil, []string{""}},
		{CSV, []Piece{none, none}, []string{"", "", ""}},
		{CSV, []Piece{{Header: ab}, none}, []string{ab, "", ""}},
		{CSV, []Piece{none, {2, ab}, none, {0, ab}, {1, ab}}, []string{ab, "", "", "", "", ""}},
	} {
		if got, err := Frame(test.enc, test.pieces); err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s of %+v: got %q, %v, want %q", test.enc, test.pieces, got, err, test.want)
		}
	}
	for _, test := range []struct {
		pieces []Piece
		want   HeaderError
	}{
		{[]Piece{none, {2, ab}, {0, ac}}, HeaderError{First: 2, Shard: 3}},
		{[]Piece{{0, ab}, {2, ab}, none, {2, ac}}, HeaderError{First: 1, Shard: 4}},
		{[]Piece{{2, ab}, some}, HeaderError{First: 1, Shard: 2}},
		{[]Piece{some, {2, ab}}, HeaderError{First: 1, Shard: 2}},
	} {
		got, err := Frame(CSV, test.pieces)
		if e, ok := errors.AsType[*HeaderError](err); !ok || *e != test.want || got != nil {
			t.Errorf("of %+v: got %q, %v, want %v", test.pieces, got, err, &test.want)
		}
	}
}
