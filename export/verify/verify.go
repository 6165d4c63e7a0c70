package verify

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export"
)

// Options are the settings of reading an archive. The zero value is ready for
// use.
type Options struct {
	// Read has the limits of reading. Its Scratch also takes the names and
	// sums of archives with very many files.
	Read archive.ReadOptions

	// MaxFindings is how many findings the [Report] keeps. Defaults to 100.
	MaxFindings int

	// Found is told of every finding as it comes. It is called by the
	// goroutine that called [Verify] and holds it up. Optional.
	Found func(Finding)

	// Progress is told, at most ten times a second and at the end, how many
	// bytes of the source were read. A zip archive's end is read twice, so
	// that it may be a little more than its length. It is called by whichever
	// goroutine reads the source, once at a time and while [Verify] or the loop
	// over [Files] runs, and holds that up. Optional.
	Progress func(bytesRead int64)
}

// Kind is what is wrong with an archive.
type Kind string

// The kinds of findings.
const (
	Missing   Kind = "missing"   // a file that SHA256SUMS lists is not there
	Extra     Kind = "extra"     // a file is there that SHA256SUMS does not list
	Changed   Kind = "changed"   // a file is not what SHA256SUMS says
	Renamed   Kind = "renamed"   // a file has another name than SHA256SUMS says
	Duplicate Kind = "duplicate" // two names are, or on some systems become, the same
	Outside   Kind = "outside"   // a file or folder is not in the top folder
	Sums      Kind = "sums"      // SHA256SUMS itself is missing or not readable
	Manifest  Kind = "manifest"  // the manifest is missing, not readable, or does not fit the files
	Damaged   Kind = "damaged"   // the archive is cut, changed, or not of its format
	Unsafe    Kind = "unsafe"    // unpacking it could do harm
	Limit     Kind = "limit"     // it goes over the limits of reading
)

// Finding is one thing that is wrong with an archive.
type Finding struct {
	Kind Kind `json:"kind"`

	// Path is the file that it is about as the archive names it, if it is
	// about one. It comes from the archive: quote it where it is shown.
	Path string `json:"path,omitempty"`

	// Detail says it in a sentence without the path and the full stop.
	Detail string `json:"detail"`
}

// Report is the outcome of [Verify].
type Report struct {
	// Format is the name of the archive's format.
	Format string `json:"format"`

	// Folder is the one folder at the top.
	Folder string `json:"folder"`

	// Files is how many files were read, folders not counted, and Bytes how
	// large they are together.
	Files int64 `json:"files"`
	Bytes int64 `json:"bytes"`

	// Signed tells that there is a signature of SHA256SUMS. Verify does not
	// check it.
	Signed bool `json:"signed"`

	// Manifest is the archive's manifest, or the zero value if it could not be
	// read.
	Manifest export.Manifest `json:"manifest"`

	// Findings are the first of all; Total is how many there are.
	Findings []Finding `json:"findings"`
	Total    int64     `json:"total_findings"`

	done bool
}

// Whole tells that the archive was read to its end and nothing is wrong with
// it. The zero Report is not whole.
func (r Report) Whole() bool { return r.done && r.Total == 0 }

// Verify reads an archive of a format and tells whether it is whole. A source
// that is an [io.ReaderAt] and an [io.Seeker] must stand at its beginning.
// Everything that is wrong with the archive is a finding. An error means that
// it could not be read to its end for another reason: the source or the
// scratch folder failed, or ctx ended. The Report then has what was found
// before, and is not whole.
//
// After an archive has turned out to be damaged, unsafe or over the limits,
// nothing more is read of it, and what SHA256SUMS and the manifest say is not
// compared.
func Verify(ctx context.Context, format archive.Format, src io.Reader, o Options) (Report, error) {
	if o.MaxFindings == 0 {
		o.MaxFindings = 100
	}
	c := newChecker(format, o)
	defer c.close()
	in := newInput(ctx, src, o.Progress)
	err := c.read(format, in.reader())
	in.report(true)
	if kind, reason, ok := classify(err); ok {
		c.found(kind, c.path, reason)
	} else if err != nil {
		return c.report, err
	} else if err := c.compare(); err != nil {
		return c.report, err
	}
	if ctx.Err() != nil {
		return c.report, context.Cause(ctx)
	}
	c.report.done = true
	return c.report, nil
}

// classify tells complaints about an archive from failures to read it.
func classify(err error) (kind Kind, reason string, ok bool) {
	for _, c := range []struct {
		kind   Kind
		target error
	}{{Damaged, archive.ErrDamaged}, {Unsafe, archive.ErrUnsafe}, {Limit, archive.ErrBomb}} {
		if errors.Is(err, c.target) {
			return c.kind, strings.TrimPrefix(err.Error(), c.target.Error()+": "), true
		}
	}
	return "", "", false
}

func (c *checker) found(kind Kind, path, detail string) {
	f := Finding{kind, path, detail}
	c.report.Total++
	if len(c.report.Findings) < c.options.MaxFindings {
		c.report.Findings = append(c.report.Findings, f)
	}
	if c.options.Found != nil {
		c.options.Found(f)
	}
}
