package verify

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/orgexport/orgexport/export"
)

// MaxRecord is how many bytes one record may have to be read by [Records].
const MaxRecord = 16 << 20

// ErrRecordTooLarge is matched when a record has more than [MaxRecord] bytes.
var ErrRecordTooLarge = errors.New("verify: record is too large")

// Records reads the records of a record file one by one, as JSON: the
// documents of a .yaml, the lines of a .ndjson, the elements of a .json that
// is an array or else the one record in it, and the rows of a .csv as objects
// with text, in the order of the header. What the guard against spreadsheet
// formulas has put before text in a .csv stays.
//
// The sequence ends with the first error. The error of a file that is no
// record file, by its name, is a [*export.NameError]. A record is valid until
// the next.
func Records(f *File) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		enc, err := export.EncodingOf(f.Name)
		if err == nil {
			in := &recordInput{r: f}
			switch enc {
			case export.YAML:
				err = eachDocument(in, yield)
			case export.NDJSON:
				err = eachLine(in, yield)
			case export.JSON:
				err = eachElement(in, yield)
			case export.CSV:
				err = eachRow(in, yield)
			}
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(nil, fmt.Errorf("verify: %s: %w", f.Path, err))
		}
	}
}

// errStopped says that the caller wants no more.
var errStopped = errors.New("verify: stopped")

// recordInput fails when a record is too long. What is read ahead counts to
// the record before, which is why there is some room.
type recordInput struct {
	r io.Reader
	n int
}

func (in *recordInput) Read(p []byte) (int, error) {
	if in.n > MaxRecord {
		return 0, fmt.Errorf("%w: more than %d bytes", ErrRecordTooLarge, MaxRecord)
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
		record, err := export.YAMLToJSON(document)
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

func eachRow(in *recordInput, yield func(json.RawMessage, error) bool) error {
	r := csv.NewReader(in)
	r.ReuseRecord = true
	header, err := r.Read()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	row := export.Row{Columns: append([]string(nil), header...), Values: make([]any, len(header))}
	for {
		in.n = 0
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for i, cell := range cells {
			row.Values[i] = cell
		}
		record, err := row.MarshalJSON()
		if err != nil {
			return err
		}
		if err := in.emit(record, yield); err != nil {
			return err
		}
	}
}
