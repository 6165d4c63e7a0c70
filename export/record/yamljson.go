package record

// nested appends valid JSON of others as nested data. JSON that YAML cannot say becomes
// text: so a record never has what a reader of YAML would have to refuse.
func (e *yamlEncoder) nested(dst, text []byte) ([]byte, error) {
	size, ok := e.check.nests(text, e.json.depth, e.begun)
	if !ok {
		return yamlText(e, dst, text), nil
	}
	dst = grow(dst, size)
	s := scanJSON(text)
	return e.node(dst, &s)
}

func (e *yamlEncoder) node(dst []byte, s *jsonScanner) ([]byte, error) {
	switch s.peek() {
	case '{':
		return e.object(dst, s)
	case '[':
		return e.array(dst, s)
	case '"':
		text, err := e.check.unquote(s.raw())
		return appendYAMLText(e.inline(dst), text, e.literalIndent()), err
	}
	return append(appendYAMLNumber(e.inline(dst), s.raw()), '\n'), nil
}

func (e *yamlEncoder) array(dst []byte, s *jsonScanner) ([]byte, error) {
	dst, err := e.enter(dst, s.open(), "[]")
	for err == nil && s.more() {
		if dst, err = e.item(dst); err == nil {
			dst, err = e.node(dst, s)
		}
	}
	e.json.leave()
	return dst, err
}

// object appends an object. Its fields have different names: see yamlCheck.
func (e *yamlEncoder) object(dst []byte, s *jsonScanner) ([]byte, error) {
	dst, err := e.enter(dst, s.open(), "{}")
	for err == nil && s.more() {
		if dst, err = e.line(dst, 2); err == nil {
			dst, err = e.member(dst, s)
		}
	}
	e.json.leave()
	return dst, err
}

func (e *yamlEncoder) member(dst []byte, s *jsonScanner) ([]byte, error) {
	name, err := e.check.unquote(s.key())
	if err != nil {
		return dst, err
	}
	marked, at := e.marked, len(dst)
	dst = e.colon(appendYAMLWord(dst, name), at)
	dst, err = e.node(dst, s)
	e.marked = marked
	return dst, err
}
