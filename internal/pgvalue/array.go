package pgvalue

import "strings"

// Array returns the decoder of an array such as {1,NULL,"a b"}: lists in lists. Lower bounds
// before it, as in [0:1]={1,2}, are passed over, as to_json does. between stands between
// two elements.
func Array(between byte, element Decoder) Decoder {
	return bounded(func(text string) any {
		p := arrayParser{cursor: cursor{text: text}, between: between, element: element}
		list, ok := p.parse()
		switch {
		case ok:
			return list
		case p.left < 0:
			return tooLarge{}
		}
		return text
	})
}

type arrayParser struct {
	cursor
	between byte
	element Decoder
	left    int // how many elements there may still be
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
	p.left = maxElements
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

func (p *arrayParser) value(depth int) (any, bool) {
	if p.left--; p.left < 0 {
		return nil, false
	}
	switch p.next() {
	case '{':
		return p.list(depth + 1)
	case '"':
		text, ok := p.quoted()
		return p.element.field(text), ok
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
	return p.element.field(text), true
}
