package sections

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"strconv"
)

// rangeVersion is that of the text of a range.
const rangeVersion = 1

// shardRange is what the text of a range has.
type shardRange struct {
	Version int     `json:"version"`
	Section string  `json:"section"` // the digest of the section that has made it
	Pieces  []piece `json:"pieces"`  // one for each part
}

// piece is what a shard has of one part. The zero piece is all of it.
type piece struct {
	None bool   `json:"none,omitempty"`
	From border `json:"from,omitempty"` // the first key; open if it is empty
	To   border `json:"to,omitempty"`   // the first key that is not of it; open if it is empty

	// Mixed means that SQLite is to compare keys as it orders them. Else it makes texts of numbers,
	// or numbers of texts, if the column is declared so, and can use an index. Of a column of a
	// table that is the same; of a view or UNION whose keys are numbers and texts it is not.
	Mixed bool `json:"mixed,omitempty"`
}

// errRange does not quote the text, which has keys.
var errRange = errors.New("sections: the range of the shard is none of this section")

// rangeOf returns the text of a range.
func rangeOf(section string, pieces []piece) string {
	text, err := json.Marshal(shardRange{rangeVersion, section, pieces})
	if err != nil {
		return "" // it cannot be: there are only texts
	}
	return string(text)
}

// parseRange returns the pieces of a range that the section has made. Any other text, also one that
// says the same in another way, is an error.
func parseRange(text, section string) ([]piece, error) {
	var r shardRange
	if json.Unmarshal([]byte(text), &r) != nil || r.Version != rangeVersion || r.Section != section || rangeOf(section, r.Pieces) != text {
		return nil, errRange
	}
	for _, p := range r.Pieces {
		for _, b := range []border{p.From, p.To} {
			if _, ok := b.value(); b != "" && !ok {
				return nil, errRange
			}
		}
	}
	return r.Pieces, nil
}

// border is a key as text: a byte that says what it is, and its value. Bytes that may be no UTF-8
// are in base64.
type border string

const (
	intBorder   = 'i'
	floatBorder = 'f'
	textBorder  = 't'
	blobBorder  = 'b'
)

// borderOf returns the border for a row that has a key.
func borderOf(d Dialect, row []any) (border, bool) {
	kind := byte(textBorder)
	if d == SQLite {
		class, ok := row[0].(string)
		if !ok || len(row) != 2 {
			return "", false
		}
		kind, row = map[string]byte{"integer": intBorder, "real": floatBorder, "text": textBorder, "blob": blobBorder}[class], row[1:]
	}
	switch v := row[0].(type) {
	case int64:
		return border("i" + strconv.FormatInt(v, 10)), kind == intBorder
	case float64:
		return border("f" + strconv.FormatFloat(v, 'g', -1, 64)), kind == floatBorder
	case json.Number: // as a column's value is one that has no fraction
		f, err := v.Float64()
		return border("f" + strconv.FormatFloat(f, 'g', -1, 64)), kind == floatBorder && err == nil
	case string:
		return bytesBorder(kind, []byte(v))
	case []byte:
		return bytesBorder(kind, v)
	}
	return "", false
}

func bytesBorder(kind byte, b []byte) (border, bool) {
	return border(string(kind) + base64.StdEncoding.EncodeToString(b)), kind == textBorder || kind == blobBorder
}

// value returns the value of a parameter for a border: an int64, a float64, a string or a []byte. It
// reports false if the text is none that borderOf makes.
func (b border) value() (any, bool) {
	if b == "" {
		return nil, false
	}
	text := string(b[1:])
	switch b[0] {
	case intBorder:
		n, err := strconv.ParseInt(text, 10, 64)
		return n, err == nil && strconv.FormatInt(n, 10) == text
	case floatBorder:
		f, err := strconv.ParseFloat(text, 64)
		return f, err == nil && !math.IsNaN(f) && strconv.FormatFloat(f, 'g', -1, 64) == text
	case textBorder:
		v, err := base64.StdEncoding.Strict().DecodeString(text)
		return string(v), err == nil && base64.StdEncoding.EncodeToString(v) == text
	case blobBorder:
		v, err := base64.StdEncoding.Strict().DecodeString(text)
		return v, err == nil && base64.StdEncoding.EncodeToString(v) == text
	}
	return nil, false
}
