package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/orgexport/orgexport/archive"
)

// File is a file in an archive. It is an [io.Reader] until the next file of the loop.
type File struct {
	Path    string // in the archive
	Section string // key of the section, empty for files of the archive itself
	Name    string // below the section's folder, or below the top folder
	Size    int64  // bytes
	ModTime time.Time

	r io.Reader
}

// Read implements [io.Reader]. It returns [io.EOF] at the end of the file if the file
// has the checksum and the size that the archive's format gives it.
func (f *File) Read(p []byte) (int, error) { return f.r.Read(p) }

// Files returns the files of an archive, in their order. The sequence can be read once,
// and a [File] is valid until the next one. A file that the loop does not read is checked
// by its format only; [Verify] compares an archive with its list of sums. Files uses Read
// and Progress of o.
//
// The sequence ends with an error if the archive is damaged, unsafe or over the limits,
// has a file outside of one folder at its top, or cannot be read: see [archive.Reader].
func Files(ctx context.Context, format archive.Format, src io.Reader, o Options) iter.Seq2[*File, error] {
	return func(yield func(*File, error) bool) {
		if err := eachFile(ctx, format, src, o, yield); err != nil {
			yield(nil, err)
		}
	}
}

func eachFile(ctx context.Context, format archive.Format, src io.Reader, o Options, yield func(*File, error) bool) error {
	in := newInput(ctx, src, o.Progress)
	defer in.report(true)
	r, err := format.NewReader(in.reader(), o.Read)
	if err != nil {
		return err
	}
	defer r.Close() //nolint:errcheck // nothing is lost by closing what is only read
	top := ""
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Folder {
			continue
		}
		folder, rest, ok := strings.Cut(h.Name, "/")
		if top == "" {
			top = folder
		}
		if !ok || folder != top {
			return fmt.Errorf("%w: %q is not in the folder at the top", archive.ErrUnsafe, h.Name)
		}
		f := &File{Path: h.Name, Name: rest, Size: h.Size, ModTime: h.ModTime, r: r}
		if section, name, ok := strings.Cut(rest, "/"); ok {
			f.Section, f.Name = section, name
		}
		if !yield(f, nil) {
			return nil
		}
	}
}
