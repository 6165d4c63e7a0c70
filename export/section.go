package export

import (
	"context"
	"io"
	"iter"
	"time"
)

// Section exports one part of what an organization owns, for example its
// products. It becomes one folder of the archive.
//
// A Section must be safe for concurrent use with different scopes. Test an
// implementation with package sections/sectiontest.
type Section interface {
	// Key names the section and its folder: lower-case letters, digits and
	// underscores, beginning with a letter. It never changes.
	Key() string

	// Export writes everything that belongs to scope into sink. It must
	// return soon after ctx ends, and it must return the error of a sink call
	// that failed with [ErrSinkFailed]. A returned error makes the section
	// partial or error, never the whole export; what was written before it is
	// kept. The same scope and the same data must give the same calls in the
	// same order: their order is the archive's order.
	//
	// A panic counts as an error. Goroutines that Export starts are its own
	// business; they must have ended when it returns.
	Export(ctx context.Context, scope Scope, sink Sink) error
}

// Scope tells whose data to export, and for which job.
type Scope struct {
	Organization Organization

	// JobID is the 22-character short id of the job.
	JobID string

	// AsOf is the instant, in UTC and whole seconds, that was fixed when the
	// job was created. It labels the archive and is the modification time of
	// every file in it; it does not promise that data is read as of then.
	AsOf time.Time

	// Snapshot names the database snapshot that all sections are to read, or
	// is empty.
	Snapshot string
}

// Organization identifies the tenant whose data is exported.
type Organization struct {
	ID   string // 22-character base57 short id of a UUID
	Slug string // short name for file names; cleaned before it is used in one
	Name string // display name
}

// Sink takes what a section writes. It is bound to the context of the
// section: when that ends, calls fail with its cause. Calls may come from
// several goroutines; they are carried out one after the other, and their
// order is the order in the archive.
//
// Names are paths below the section's folder, with forward slashes. A name
// must satisfy [io/fs.ValidPath]; have no backslash, colon, control character
// or other character that Windows refuses, no element that ends in a dot or
// space, that is a reserved Windows name or longer than 255 bytes; and be new
// in the section, also after Unicode normalization and case folding. A bad
// name gives a [*NameError] and writes nothing. The extension of a record
// file picks the encoding: .yaml, .json, .ndjson or .csv (see [record.Encoding]).
//
// A failed call that matches [ErrSinkFailed] means that the engine's own
// storage failed or that the section may write no more; every later call
// returns the same error. After any other error the sink can be used on.
//
// New abilities come as package functions, such as [Progress], and never as
// more methods.
type Sink interface {
	// Record writes a file that holds one record.
	//
	// The record is a [record.Row], a [record.Appender], or any value that
	// encoding/json can encode. A value that cannot be encoded, or a Row with
	// nil Values, gives an [*record.EncodeError] and writes nothing.
	Record(name string, record any) error

	// Records writes a file that holds all records that seq yields: YAML
	// documents, JSON lines, a JSON array, or CSV rows below a header. A
	// yielded value need only be valid until the next iteration. A Row with
	// nil Values is not a record: it declares the columns, so that an empty
	// .csv still has its header.
	//
	// If seq yields an error or a value that cannot be encoded, the file is
	// closed well-formed with the records so far, kept and counted, and the
	// error is returned.
	Records(name string, seq iter.Seq2[any, error]) error

	// Binary writes an asset file with the contents of r, which Binary reads to
	// its end but does not close. If r fails, nothing of the file is kept and
	// the error is a [*SourceError].
	Binary(name string, r io.Reader) error

	// Skip notes an item that could not be exported; the section becomes
	// partial. ref tells the customer which item it was. The public text of
	// err (see [PublicText]) is listed beside it in the section's
	// _skipped.ndjson.
	Skip(ref string, err error)
}

// Records turns a typed sequence into what [Sink.Records] takes.
func Records[T any](seq iter.Seq2[T, error]) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		for record, err := range seq {
			if !yield(record, err) {
				return
			}
		}
	}
}

// Progress tells the sink that a section has finished done of total items, for
// whoever observes the export. Sinks that do not show progress ignore it.
func Progress(sink Sink, done, total int64) {
	if p, ok := sink.(interface{ Progress(done, total int64) }); ok {
		p.Progress(done, total)
	}
}
