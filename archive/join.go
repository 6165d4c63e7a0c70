package archive

import "io"

// joiner copies the bodies of parts. Their records are read by the format.
type joiner struct {
	dst    io.Writer
	format string
	record readRecord
	err    error
}

// readRecord reads the next record of a part's tail. The record describes a piece
// of the body, which begins at offset; readRecord returns its length.
type readRecord func(t *tailReader, offset int64) (length int64, err error)

// joinParts lets fn join parts of the named format. Their bodies go to dst, and
// record is called for each of their records.
func joinParts(dst io.Writer, format string, record readRecord, fn func(Joiner) error) error {
	j := &joiner{dst: dst, format: format, record: record}
	if err := fn(j); err != nil {
		return err
	}
	return j.err // fn may have ignored it
}

// Part implements [Joiner].
func (j *joiner) Part(body, tail io.Reader) error {
	if j.err == nil {
		j.err = j.part(body, tail)
	}
	return j.err
}

// part makes sure that the pieces of the body are as long as the body.
func (j *joiner) part(body, tail io.Reader) error {
	t, err := readTail(tail, j.format)
	if err != nil {
		return err
	}
	if err := t.copyBody(j.dst, body); err != nil {
		return err
	}
	var offset int64
	for range t.Records {
		n, err := j.record(t, offset)
		if err != nil {
			return err
		}
		if n < 0 || n > t.BodySize-offset {
			return refuse("records cover more than the body")
		}
		offset += n
	}
	if offset < t.BodySize {
		return refuse("records cover less than the body")
	}
	return t.end()
}
