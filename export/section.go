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
// implementation with package sections/sectiontest. It may be a [Digester], a
// [SnapshotReader], a [Splitter] and an [Estimator], too.
type Section interface {
	// Key returns the name of the section and of its folder: lower-case letters,
	// digits and underscores, beginning with a letter. It never changes.
	Key() string

	// Export writes everything that belongs to scope into sink. It must return soon
	// after ctx ends. It must return the error of a sink call if that error matches
	// [ErrSinkFailed]. Any error makes this section partial or error and no other;
	// what was written before is kept; but after a fault of the machine (see
	// [MachineFault]) it is thrown away, and Export is called again, a few times. The same
	// scope and the same data must give the same calls in the same order, which is the
	// order in the archive.
	//
	// A panic counts as an error. Goroutines that Export starts must have ended when
	// it returns.
	Export(ctx context.Context, scope Scope, sink Sink) error
}

// Splitter is an optional interface of a [Section] whose data can be exported in shards: Export
// is called once for each range, with the range in [Scope.Range], and the archive has what the
// shards wrote in the order of the ranges.
//
// A file that [Sink.Records] writes in several shards is one file in the archive, with the records
// of the shards in their order; numbers of rows in skips count within a shard. A shard that has no
// records of such a file writes it all the same, with its columns only. All other files, those of
// Record and Binary, have names that no other shard uses: if two shards have a file of one name, the
// section is exported again, as a whole. A shard may write 4,096 files by Records.
//
// The same range and the same data give the same calls, whoever exports the other shards, when, and
// in which order. Export of a range that Split has not returned is an error, and writes nothing.
type Splitter interface {
	// Split divides what belongs to the scope into ranges, in the order of the archive. A range
	// is a text that only the section reads; the engine keeps it in the job's row and hands it
	// to Export in [Scope.Range], for several at the same time, in other processes, and again. It
	// may have values of the data, such as keys, and so belongs into no log and no error.
	//
	// No range or a single one means that the section is exported as a whole. Together the ranges
	// have each record once. Equal data gives equal ranges. [Scope.Snapshot] is that which the
	// shards read, if there is one. An error is what that of Export is.
	Split(ctx context.Context, scope Scope) ([]string, error)
}

// Estimator is an optional interface of a [Section] that knows about how much it will write.
type Estimator interface {
	// Estimate returns about how many bytes Export will write for the scope before they are
	// packed, 0 if nobody knows. It is cheap: it reads no data. It may be wrong by any factor.
	Estimate(ctx context.Context, scope Scope) (bytes int64, err error)
}

// Scope says whose data to export, and for which job.
type Scope struct {
	Organization Organization

	// JobID is the 22-character short id of the job.
	JobID string

	// AsOf is the instant, in UTC and whole seconds, at which the job was created.
	// It labels the archive and is the modification time of each of its files, but for
	// those of BinaryModified. It
	// does not mean that the data was read at that instant.
	AsOf time.Time

	// Snapshot is the ID of the [Snapshot] that the section is to read, if it is a
	// [SnapshotReader], or empty. If it cannot: see [Scope.SnapshotLost].
	Snapshot string

	// Range is the range of the shard that Export is to export, one of those that Split of the
	// section has returned (see [Splitter]), or empty: all that belongs to the scope.
	Range string

	reading *reading // of the engine, if there is a Snapshot
}

// Organization identifies the tenant whose data is exported.
type Organization struct {
	ID   string // 22-character base57 short id of a UUID
	Slug string // short name for file names; cleaned before it is used in one
	Name string // display name
}

// Sink takes the files of a section. It is bound to the section's context: when that
// ends, calls fail with its cause. Several goroutines may call it. The calls are
// carried out one after the other, and the archive has the files in that order.
//
// Names are paths below the section's folder, with forward slashes. They can be
// unpacked on every system, Windows included. So a name
//
//   - satisfies [io/fs.ValidPath],
//   - has no backslash, colon, control character or other character that
//     Windows refuses, and none that changes the direction of text,
//   - has no element that is longer than 255 bytes, ends in a dot or a space,
//     or is a reserved name of Windows, such as "con",
//   - is not that of one of the engine's own files, _skipped.ndjson,
//     _renamed.ndjson and _notes.ndjson, nor in a folder of that name,
//   - is new in the section, also after Unicode normalization and case folding.
//
// Any other name gives a [*NameError] and writes nothing, unless the section renames such
// files: see [SectionOptions.Rename]. The extension of a
// record file picks its encoding: .yaml, .json, .ndjson or .csv (see
// [record.Encoding]).
//
// An error that matches [ErrSinkFailed] means that the engine's storage failed or that
// the section may write no more: every later call returns the same error. After any
// other error the section can go on.
//
// New abilities come as package functions, such as [Progress], and never as
// more methods.
type Sink interface {
	// Record writes a file that holds one record.
	//
	// The record is a [record.Row], a [record.Appender], or any value that
	// encoding/json can encode. A value that cannot be encoded, or a Row with
	// nil Values, gives an [*record.EncodeError] and writes nothing. Which values
	// have a form in which encoding says package record.
	Record(name string, record any) error

	// Records writes a file that holds all records that seq yields: YAML
	// documents, JSON lines, a JSON array, or CSV rows below a header. A
	// yielded value need only be valid until the next iteration. A Row with
	// nil Values is not a record: it declares the columns, so that an empty
	// .csv still has its header.
	//
	// A record that cannot be encoded is left out, and listed as by Skip: with the
	// file, the number of the record and its first column (see [record.Ref]). If
	// seq yields an error, or a Row declares columns that cannot be those of the
	// file, the file is closed well-formed with the records so far, kept and
	// counted, and the error is returned.
	Records(name string, seq iter.Seq2[any, error]) error

	// Binary writes an asset file with the contents of r, which Binary reads to
	// its end but does not close. If r fails, nothing of the file is kept and
	// the error is a [*SourceError]. Whether a file has changed while r read it only
	// the section can tell: sections.CopyFile does.
	Binary(name string, r io.Reader) error

	// Skip takes note of an item that could not be exported. The section becomes
	// partial. ref says to the customer which item it is. The section's
	// _skipped.ndjson lists it with the public text of err (see [PublicText]). Of both,
	// what is more than 1 KiB is cut out of the middle. The list counts towards the section's
	// limit as its files do: beyond it nothing is listed, and every later call fails. If err
	// is a fault of the machine (see [MachineFault]) nothing is skipped: the sink takes no
	// more, and the section is run again.
	Skip(ref string, err error)
}

// BinaryModified is [Sink.Binary] for a file that was modified at that instant, which the
// archive keeps in whole seconds. With the zero time, with one before 1980 or after 2107,
// which zip cannot say, and in a sink that keeps no times the file has [Scope.AsOf] like all
// others.
func BinaryModified(sink Sink, name string, r io.Reader, modified time.Time) error {
	if s, ok := sink.(interface {
		BinaryModified(name string, r io.Reader, modified time.Time) error
	}); ok {
		return s.BinaryModified(name, r, modified)
	}
	return sink.Binary(name, r)
}

// Records converts a typed sequence into one for [Sink.Records].
func Records[T any](seq iter.Seq2[T, error]) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		for record, err := range seq {
			if !yield(record, err) {
				return
			}
		}
	}
}

// Progress says that a section has finished done of total items, for observers of the
// export. A sink that shows no progress ignores it.
func Progress(sink Sink, done, total int64) {
	if p, ok := sink.(interface{ Progress(done, total int64) }); ok {
		p.Progress(done, total)
	}
}

// CheckScratch says how many bytes a section has, or is about to have, in temporary files of
// its own, such as a list of what it is to copy. If they are more than the section may write
// (see [Config.MaxSectionBytes]) it ends as one that is too large: the sink takes no more, and
// its error is returned; so it is if the sink has failed before. A sink without a limit
// ignores it.
func CheckScratch(sink Sink, size int64) error {
	if s, ok := sink.(interface{ CheckScratch(size int64) error }); ok {
		return s.CheckScratch(size)
	}
	return nil
}
