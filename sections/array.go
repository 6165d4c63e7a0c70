package sections

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
)

// arrayParser reads an array as PostgreSQL writes it, such as {1,NULL,"a b"}. Lower bounds
// before it, as in [0:1]={1,2}, are passed over, as to_json does.
type arrayParser struct {
	text    string
	pos     int
	between byte // two elements
	element func(text string) any
}

// parse returns the elements. It reports false if the text is no array.
func (p *arrayParser) parse() ([]any, bool) {
	if strings.HasPrefix(p.text, "[") {
		_, array, ok := strings.Cut(p.text, "=")
		if !ok {
			return nil, false
		}
		p.text = array
	}
	list, ok := p.list(0)
	return list, ok && p.pos == len(p.text)
}

// maxDimensions is how deep PostgreSQL nests arrays.
const maxDimensions = 6

func (p *arrayParser) list(depth int) ([]any, bool) {
	if depth == maxDimensions || p.next() != '{' {
		return nil, false
	}
	p.pos++
	list := []any{}
	if p.next() == '}' {
		p.pos++
		return list, true
	}
	for {
		value, ok := p.value(depth)
		if !ok {
			return nil, false
		}
		list = append(list, value)
		end := p.next()
		p.pos++
		switch end {
		case '}':
			return list, true
		case p.between:
		default:
			return nil, false
		}
	}
}

// next returns the next byte, or 0 at the end.
func (p *arrayParser) next() byte {
	if p.pos >= len(p.text) {
		return 0
	}
	return p.text[p.pos]
}

func (p *arrayParser) value(depth int) (any, bool) {
	switch p.next() {
	case '{':
		return p.list(depth + 1)
	case '"':
		text, ok := p.quoted()
		return p.element(text), ok
	}
	n := strings.IndexAny(p.text[p.pos:], string(p.between)+"}")
	if n <= 0 {
		return nil, false
	}
	text := p.text[p.pos : p.pos+n]
	p.pos += n
	if text == "NULL" {
		return nil, true
	}
	return p.element(text), true
}

func (p *arrayParser) quoted() (string, bool) {
	var out []byte
	for p.pos++; p.pos < len(p.text); p.pos++ {
		switch c := p.text[p.pos]; c {
		case '"':
			p.pos++
			return string(out), true
		case '\\':
			p.pos++
			out = append(out, p.next())
		default:
			out = append(out, c)
		}
	}
	return "", false
}

// elementOf returns what makes a field of an element's text, for a type of elements that is
// built in.
func elementOf(declared string) func(text string) any {
	switch declared {
	case "BOOL":
		return func(text string) any { return text == "t" }
	case "INT2", "INT4", "INT8", "OID":
		return func(text string) any { return json.Number(text) }
	case "FLOAT4":
		return func(text string) any {
			f, err := strconv.ParseFloat(text, 32)
			return orText(float32(f), text, err)
		}
	case "FLOAT8":
		return func(text string) any {
			f, err := strconv.ParseFloat(text, 64)
			return orText(f, text, err)
		}
	case "BYTEA":
		return func(text string) any {
			b, err := hex.DecodeString(strings.TrimPrefix(text, `\x`))
			return orText(b, text, err)
		}
	case "JSON", "JSONB":
		return func(text string) any { return json.RawMessage(text) }
	case "TIMESTAMP", "TIMESTAMPTZ":
		return func(text string) any { return isoTime(text) }
	case "NUMERIC":
		c := column{kind: numeric}
		return c.text
	}
	return func(text string) any { return text }
}

func orText(v any, text string, err error) any {
	if err != nil {
		return text
	}
	return v
}

// isoTime returns a time that PostgreSQL writes, such as 2026-01-31 12:00:00+00, as ISO
// 8601 does and so as a column of its own: with a T and, in UTC, a Z. BC at its end stays.
func isoTime(text string) string {
	text = strings.Replace(text, " ", "T", 1)
	before, bc := strings.CutSuffix(text, " BC")
	if utc, ok := strings.CutSuffix(before, "+00"); ok {
		before = utc + "Z"
	}
	if bc {
		before += " BC"
	}
	return before
}
