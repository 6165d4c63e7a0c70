package sectiontest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/record"
)

// Recorder is an [export.Sink] that keeps in memory what it is given. It refuses the names
// that the engine's sink refuses, encodes each record as JSON at once, and reads each
// binary to its end. It is safe for concurrent use. Its zero value is ready for use and
// has no context that may end.
type Recorder struct {
	ctx  context.Context // of the section, or nil
	turn sync.Mutex      // held during a call, so that there is one at a time

	mu    sync.Mutex // guards the rest; held for moments only
	calls []Call
	names map[string]nameKind // of files and folders, folded
	files []io.Reader         // the readers of Binary
	fault fault
}

// Call is a call of one of a [Recorder]'s methods.
type Call struct {
	Op   Op
	Name string // of the file; for Skip and Note, the ref

	// Columns are the columns of a [record.Row] without values in Records.
	Columns []string

	// Records are the records of a Record or Records call, as JSON.
	Records []json.RawMessage

	// Content is what a Binary call read.
	Content []byte

	// Modified is the time of a file that [export.BinaryModified] wrote; else zero.
	Modified time.Time

	// Err is the error that the call returned; for Skip, the reason.
	Err error

	// Text is what [export.Note] says.
	Text string
}

// Op is a method of [export.Sink].
type Op string

// The methods, and the functions of package export that write.
const (
	Record  Op = "record"
	Records Op = "records"
	Binary  Op = "binary"
	Skip    Op = "skip"
	Note    Op = "note" // by export.Note
)

type nameKind int

const (
	isFile nameKind = iota + 1
	isFolder
)

// NewRecorder returns a Recorder. Its calls fail after ctx has ended, as those of the
// engine's sink do.
func NewRecorder(ctx context.Context) *Recorder { return &Recorder{ctx: ctx} }

// FailAt makes call number n (the first one is 1) and all later ones fail with an error
// that matches [export.ErrSinkFailed] and err. A Records call fails after its first
// record, and a Binary call after its first byte. Call FailAt before the Recorder is used.
func (r *Recorder) FailAt(n int, err error) { r.fault = fault{at: n, err: err} }

// Calls returns copies of the calls so far, in order.
func (r *Recorder) Calls() []Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls)
}

// Find returns the call that wrote the file with that name. It reports false if there was
// none.
func (r *Recorder) Find(name string) (Call, bool) {
	for _, c := range r.Calls() {
		if c.Name == name && c.wrote() {
			return c, true
		}
	}
	return Call{}, false
}

// wrote reports whether the call left a file. A Records call whose sequence fails leaves a
// file with the records so far.
func (c Call) wrote() bool {
	switch c.Op {
	case Skip, Note:
		return false
	case Records:
		_, badName := errors.AsType[*export.NameError](c.Err)
		return !badName && !errors.Is(c.Err, export.ErrSinkFailed)
	default:
		return c.Err == nil
	}
}

// Skips returns the Skip calls.
func (r *Recorder) Skips() []Call {
	return slices.DeleteFunc(r.Calls(), func(c Call) bool { return c.Op != Skip })
}

// Record implements [export.Sink].
func (r *Recorder) Record(name string, value any) error {
	return r.do(Call{Op: Record, Name: name}, func(c *Call, _ error) error {
		if _, err := export.EncodingOf(name); err != nil {
			return err
		}
		if _, ok := header(value); ok {
			return &record.EncodeError{Name: name, Err: errors.New("row has no values")}
		}
		text, err := encode(name, value)
		if err == nil {
			err = r.claim(name)
		}
		if err == nil {
			c.Records = []json.RawMessage{text}
		}
		return err
	})
}

// Records implements [export.Sink].
func (r *Recorder) Records(name string, seq iter.Seq2[any, error]) error {
	return r.do(Call{Op: Records, Name: name}, func(c *Call, fail error) error {
		_, err := export.EncodingOf(name)
		if err == nil {
			err = r.claim(name)
		}
		if err != nil {
			return err
		}
		number := int64(0)
		for value, err := range seq {
			if ended := r.ended(); ended != nil {
				return ended
			}
			if err != nil {
				return err
			}
			if _, ok := header(value); !ok {
				number++
			}
			if err := c.add(value); err != nil { // as the engine's sink does
				skip := Call{Op: Skip, Name: record.Ref(name, number, value), Err: err}
				r.lock(func() { r.calls = append(r.calls, skip) })
			}
			if r.step(); fail != nil {
				return fail
			}
		}
		return r.ended()
	})
}

// add adds a value of a sequence: a record, or the columns.
func (c *Call) add(value any) error {
	if columns, ok := header(value); ok {
		c.Columns = slices.Clone(columns)
		return nil
	}
	text, err := encode(c.Name, value)
	if err == nil {
		c.Records = append(c.Records, text)
	}
	return err
}

// Binary implements [export.Sink].
func (r *Recorder) Binary(name string, reader io.Reader) error {
	return r.BinaryModified(name, reader, time.Time{})
}

// BinaryModified serves the function [export.BinaryModified].
func (r *Recorder) BinaryModified(name string, reader io.Reader, modified time.Time) error {
	return r.do(Call{Op: Binary, Name: name, Modified: modified}, func(c *Call, fail error) error {
		r.lock(func() { r.files = append(r.files, reader) })
		if err := r.claim(name); err != nil {
			return err
		}
		if fail != nil {
			_, _ = io.CopyN(io.Discard, reader, 1)
			return fail
		}
		content, err := io.ReadAll(reader)
		if ended := r.ended(); ended != nil {
			return ended
		}
		if err != nil {
			r.lock(func() { delete(r.names, export.FoldName(name)) })
			return &export.SourceError{Name: name, Err: err}
		}
		c.Content = content
		return nil
	})
}

// Skip implements [export.Sink]. A sequence that is being written may call it, as it may
// call that of the engine's sink.
func (r *Recorder) Skip(ref string, reason error) {
	r.arrive()
	_, _ = r.begin(Call{Op: Skip})
	r.end(Call{Op: Skip, Name: ref, Err: reason})
}

// Note serves the function [export.Note].
func (r *Recorder) Note(ref, text string) {
	r.arrive()
	_, _ = r.begin(Call{Op: Note})
	r.end(Call{Op: Note, Name: ref, Text: text})
}

// do waits until no other call is under way, and calls work. If fail is not nil, work is
// to fail with it half-way.
func (r *Recorder) do(c Call, work func(c *Call, fail error) error) error {
	r.arrive()
	r.turn.Lock()
	defer r.turn.Unlock()
	fail, err := r.begin(c)
	if err == nil {
		err = work(&c, fail)
	}
	if err == nil {
		err = fail
	}
	c.Err = err
	r.end(c)
	return err
}

// end notes a call that has ended.
func (r *Recorder) end(c Call) {
	r.lock(func() {
		r.calls = append(r.calls, c)
		r.fault.told = r.fault.told || c.Op != Skip && c.Op != Note && r.fault.failed != nil
	})
	r.step()
}

// lock calls change with r.mu locked.
func (r *Recorder) lock(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

// claim notes the name of a file, and returns an error if it is not valid or not new.
func (r *Recorder) claim(name string) error {
	if err := export.CheckName(name); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.names == nil {
		r.names = make(map[string]nameKind)
	}
	folded := export.FoldName(name)
	if r.names[folded] != 0 {
		return &export.NameError{Name: name, Reason: "is used twice in its section (upper and lower case do not differ)"}
	}
	for dir := path.Dir(folded); dir != "."; dir = path.Dir(dir) {
		if r.names[dir] == isFile {
			return &export.NameError{Name: name, Reason: "goes through a name that is a file"}
		}
		r.names[dir] = isFolder
	}
	r.names[folded] = isFile
	return nil
}

// header returns the columns of a [record.Row] without values. It reports false for any
// other value.
func header(value any) ([]string, bool) {
	switch row := value.(type) {
	case record.Row:
		return row.Columns, row.Values == nil
	case *record.Row:
		return row.Columns, row.Values == nil
	}
	return nil, false
}

// encode returns a record as JSON. The text shares no memory with it.
func encode(name string, value any) (json.RawMessage, error) {
	var text bytes.Buffer
	own, ok := value.(record.Appender)
	if ok {
		b, err := own.AppendRecord(nil, record.JSON)
		if err == nil {
			err = json.Compact(&text, b)
		}
		if err != nil {
			return nil, &record.EncodeError{Name: name, Err: err}
		}
		return text.Bytes(), nil
	}
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return nil, &record.EncodeError{Name: name, Err: err}
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}
