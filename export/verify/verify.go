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

	// Found is called with every finding at once, by the goroutine that called
	// [Verify], which waits for it. Optional.
	Found func(Finding)

	// Progress is called with the number of bytes that were read from the source, at
	// most ten times a second and at the end. The end of a zip archive is read twice,
	// so that the number may be a little larger than the archive. One goroutine calls
	// it at a time, while [Verify] or the loop over [Files] runs and waits. Optional.
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

	// Path is the file that the finding is about, as the archive names it, or empty.
	// It comes from the archive: quote it where it is shown.
	Path string `json:"path,omitempty"`

	// Detail is a sentence without the path and the full stop.
	Detail string `json:"detail"`
}

// Report is the outcome of [Verify].
type Report struct {
	// Format is the name of the archive's format.
	Format string `json:"format"`

	// Folder is the one folder at the top.
	Folder string `json:"folder"`

	// Files is the number of files that were read, without folders. Bytes is the sum
	// of their sizes.
	Files int64 `json:"files"`
	Bytes int64 `json:"bytes"`

	// Signed reports whether there is a signature of SHA256SUMS. Verify does not
	// check it.
	Signed bool `json:"signed"`

	// Manifest is the archive's manifest, or the zero value if it could not be
	// read.
	Manifest export.Manifest `json:"manifest"`

	// Findings are the first findings. Total is the number of all.
	Findings []Finding `json:"findings"`
	Total    int64     `json:"total_findings"`

	done bool
}

// Whole reports whether the archive was read to its end and has no findings. The zero
// Report is not whole.
func (r Report) Whole() bool { return r.done && r.Total == 0 }

// Verify reads an archive of a format and reports whether it is whole. A source that is
// an [io.ReaderAt] and an [io.Seeker] must stand at its beginning.
//
// Everything that is wrong with the archive is a finding. An error means that the
// archive could not be read to its end for another reason: the source or the scratch
// folder failed, or ctx ended. Then the Report has the findings so far and is not whole.
//
// Verify stops reading when the archive turns out to be damaged, unsafe or over the
// limits. Then it does not compare SHA256SUMS and the manifest.
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
