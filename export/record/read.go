package record

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
)

// MaxBytes is how many bytes one record may have to be read by [Read].
const MaxBytes = 16 << 20

// ErrTooLarge is matched when a record has more than [MaxBytes] bytes, or to be written more
// than [Options.MaxBytes].
var ErrTooLarge = errors.New("record: too large")

// Read reads the records of a file one by one, as JSON: the documents of a
// .yaml, the lines of an .ndjson, the elements of a .json that is an array or
// else the one record in it, and the rows of a .csv as objects of text and, where a
// cell is empty and has no quotes, null, in the order of the header. A .csv may have any
// [CSVForm]: a byte order mark is passed over, and the first comma, semicolon or tab of the
// header that is not in quotes is the delimiter. Read does not undo the guard against
// spreadsheet formulas: see [Unguard]. What JSON has no form for, such as .nan of a
// .yaml, is text.
//
// The sequence ends with the first error. A record is valid until the next one.
func Read(r io.Reader, enc Encoding) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		in := &recordInput{r: r}
		var err error
		switch enc {
		case YAML:
			err = eachDocument(in, yield)
		case NDJSON:
			err = eachLine(in, yield)
		case JSON:
			err = eachElement(in, yield)
		case CSV:
			err = eachRow(in, yield)
		default:
			err = fmt.Errorf("record: encoding %q is not known", enc)
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(nil, err)
		}
	}
}

// errStopped says that the caller wants no more.
var errStopped = errors.New("record: stopped")

// recordInput fails when a record is too long. What is read ahead counts to
// the record before, which is why there is some room.
type recordInput struct {
	r io.Reader
	n int
}

func (in *recordInput) Read(p []byte) (int, error) {
	if in.n > MaxBytes {
		return 0, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, MaxBytes)
	}
	n, err := in.r.Read(p)
	in.n += n
	return n, err
}

// emit yields a record and begins the next.
func (in *recordInput) emit(record []byte, yield func(json.RawMessage, error) bool) error {
	in.n = 0
	if !yield(record, nil) {
		return errStopped
	}
	return nil
}

func eachLine(in *recordInput, yield func(json.RawMessage, error) bool) error {
	return lines(in, func(line []byte) error {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			return nil
		}
		if !json.Valid(line) {
			return errors.New("a line is not JSON")
		}
		return in.emit(line, yield)
	})
}

// lines calls one for every line, with its end.
func lines(in *recordInput, one func([]byte) error) error {
	r := bufio.NewReader(in)
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if len(line) > 0 {
			if err := one(line); err != nil {
				return err
			}
		}
		if err != nil {
			return nil //nolint:nilerr // it is io.EOF
		}
		line = line[:0]
	}
}

func eachDocument(in *recordInput, yield func(json.RawMessage, error) bool) error {
	var document []byte
	flush := func() error {
		if len(bytes.TrimSpace(document)) == 0 {
			return nil
		}
		record, err := YAMLToJSON(document, maxRecordValues)
		document = document[:0]
		if err != nil {
			return err
		}
		return in.emit(record, yield)
	}
	err := lines(in, func(line []byte) error {
		if bytes.HasPrefix(line, []byte("---")) {
			if err := flush(); err != nil {
				return err
			}
		}
		document = append(document, line...)
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}

func eachElement(in *recordInput, yield func(json.RawMessage, error) bool) error {
	r := bufio.NewReader(in)
	first, err := skipSpace(r)
	if err != nil {
		return err
	}
	d := json.NewDecoder(r)
	array := first == '['
	if array {
		if _, err := d.Token(); err != nil {
			return err
		}
	}
	var record json.RawMessage
	for more := true; more && (!array || d.More()); more = array {
		if err := d.Decode(&record); err != nil {
			return err
		}
		if err := in.emit(record, yield); err != nil {
			return err
		}
	}
	if array {
		if _, err := d.Token(); err != nil {
			return err
		}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is something behind the JSON text")
	}
	return nil
}

// skipSpace peeks at the first byte that is not white space.
func skipSpace(r *bufio.Reader) (byte, error) {
	for {
		b, err := r.ReadByte()
		if errors.Is(err, io.EOF) {
			return 0, io.ErrUnexpectedEOF
		}
		if err != nil {
			return 0, err
		}
		if !bytes.ContainsRune([]byte(" \t\r\n"), rune(b)) {
			return b, r.UnreadByte()
		}
	}
}
