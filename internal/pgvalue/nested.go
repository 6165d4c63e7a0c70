package pgvalue

import (
	"strings"

	"github.com/orgexport/orgexport/export/record"
)

// Composite returns the Decoder of a composite type, such as (1,"a b",): a row of its
// attributes.
func Composite(names []string, attributes []Decoder) Decoder {
	return bounded(func(text string) any {
		p := compositeParser{cursor{text: text}, attributes}
		if values, ok := p.parse(); ok {
			return record.Row{Columns: names, Values: values}
		}
		return text
	})
}

type compositeParser struct {
	cursor
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
		if i > 0 && !p.skip(",") {
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

// attribute returns the text of the next attribute. One without quotes ends at a comma, and
// is null if it is empty.
func (p *compositeParser) attribute() (text string, null, ok bool) {
	if p.next() != '"' {
		text, _, _ = strings.Cut(p.text[p.pos:], ",")
		p.pos += len(text)
		return text, text == "", true
	}
	text, ok = p.quoted()
	return text, false, ok
}

// HStore is the Decoder of an hstore, such as "a"=>"1", "b"=>NULL: a row of texts.
func HStore(text string) any { return bounded(hstore)(text) }

func hstore(text string) any {
	row := record.Row{Columns: []string{}, Values: []any{}}
	c := cursor{text: text}
	for c.pos < len(text) {
		if len(row.Columns) > 0 && !c.skip(", ") {
			return text
		}
		name, ok := c.quoted()
		if !ok || !c.skip("=>") {
			return text
		}
		var value any
		if !c.skip("NULL") {
			if value, ok = c.quoted(); !ok {
				return text
			}
		}
		row.Columns = append(row.Columns, name)
		row.Values = append(row.Values, value)
	}
	return row
}
