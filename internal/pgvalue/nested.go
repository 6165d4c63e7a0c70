package pgvalue

import (
	"strings"

	"github.com/orgexport/orgexport/export/record"
)

// Composite returns the Decoder of a composite type, such as (1,"a b",): a row of its
// attributes.
func Composite(names []string, attributes []Decoder) Decoder {
	return func(text string) any {
		p := compositeParser{text: text, attributes: attributes}
		if values, ok := p.parse(); ok {
			return record.Row{Columns: names, Values: values}
		}
		return text
	}
}

type compositeParser struct {
	text       string
	pos        int
	attributes []Decoder
}

func (p *compositeParser) parse() ([]any, bool) {
	n := len(p.text)
	if n < 2 || p.text[0] != '(' || p.text[n-1] != ')' {
		return nil, false
	}
	p.text = p.text[1 : n-1]
	values := make([]any, len(p.attributes)) // none is a row, too
	for i, decode := range p.attributes {
		if i > 0 && !p.skip(',') {
			return nil, false
		}
		if text, null, ok := p.attribute(); !ok {
			return nil, false
		} else if !null {
			values[i] = decode.field(text)
		}
	}
	return values, p.pos == len(p.text)
}

func (p *compositeParser) skip(c byte) bool {
	if p.pos == len(p.text) || p.text[p.pos] != c {
		return false
	}
	p.pos++
	return true
}

// attribute returns the text of the next attribute. One without quotes ends at a comma, and
// is null if it is empty.
func (p *compositeParser) attribute() (text string, null, ok bool) {
	if !p.skip('"') {
		text, _, _ = strings.Cut(p.text[p.pos:], ",")
		p.pos += len(text)
		return text, text == "", true
	}
	text, ok = p.quoted()
	return text, false, ok
}

// quoted returns a text after its opening quote. Quotes and backslashes in it are there
// twice, or behind a backslash.
func (p *compositeParser) quoted() (string, bool) {
	var out []byte
	for ; p.pos < len(p.text); p.pos++ {
		c := p.text[p.pos]
		switch {
		case c == '"' && !strings.HasPrefix(p.text[p.pos+1:], `"`):
			p.pos++
			return string(out), true
		case c == '"', c == '\\' && p.pos+1 < len(p.text):
			p.pos++
			c = p.text[p.pos]
		}
		out = append(out, c)
	}
	return "", false
}

// HStore is the Decoder of an hstore, such as "a"=>"1", "b"=>NULL: a row of texts.
func HStore(text string) any {
	row := record.Row{Columns: []string{}, Values: []any{}}
	p := arrayParser{text: text}
	for p.pos < len(text) {
		if len(row.Columns) > 0 && !p.skip(", ") {
			return text
		}
		name, ok := p.skipQuoted()
		if !ok || !p.skip("=>") {
			return text
		}
		var value any
		if !p.skip("NULL") {
			if value, ok = p.skipQuoted(); !ok {
				return text
			}
		}
		row.Columns = append(row.Columns, name)
		row.Values = append(row.Values, value)
	}
	return row
}

func (p *arrayParser) skip(what string) bool {
	ok := strings.HasPrefix(p.text[p.pos:], what)
	if ok {
		p.pos += len(what)
	}
	return ok
}

// skipQuoted returns the text in quotes that comes next.
func (p *arrayParser) skipQuoted() (string, bool) {
	if p.next() != '"' {
		return "", false
	}
	return p.quoted()
}
