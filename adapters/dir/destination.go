package dir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/internal/partname"
)

// Destination keeps archives in a folder. It implements [jobs.Destination],
// [jobs.Sizer], [export.Checker], [export.FreeSpacer] and [export.Sweeper]. It is safe for
// concurrent use, and several processes may use one folder. Make one with
// [NewDestination].
type Destination struct{ *folder }

// NewDestination opens a folder, or makes it. It removes temporary files that dead
// processes left there. Close the Destination after use.
func NewDestination(path string) (*Destination, error) {
	f, err := openFolder(path)
	if err != nil {
		return nil, err
	}
	return &Destination{f}, nil
}

// Put implements [jobs.Destination]. The writer that write gets is buffered, and must
// not be used after write has returned.
func (d *Destination) Put(ctx context.Context, key string, write func(io.Writer) error) error {
	if err := checkKey(key); err != nil {
		return err
	}
	return d.put(ctx, key, write)
}

// Open implements [jobs.Destination]. It returns an [*os.File]. If the folder is not at
// its path any more, such as a network folder that is not there, the error does not say
// that the object is missing.
func (d *Destination) Open(ctx context.Context, key string) (io.ReadSeekCloser, error) {
	if err := ready(ctx, checkKey(key)); err != nil {
		return nil, err
	}
	r, err := d.open(key)
	if errors.Is(err, export.ErrNotFound) {
		err = d.missing(key)
	}
	return r, err
}

// Size implements [jobs.Sizer]. If the folder is not at its path any more, the error is
// like that of Open.
func (d *Destination) Size(ctx context.Context, key string) (int64, error) {
	if err := ready(ctx, checkKey(key)); err != nil {
		return 0, err
	}
	return d.size(key)
}

// Delete implements [jobs.Destination].
func (d *Destination) Delete(ctx context.Context, key string) error {
	if err := ready(ctx, checkKey(key)); err != nil {
		return err
	}
	return d.remove(key)
}

// List implements [jobs.Destination]. It leaves out files whose path is not a key.
func (d *Destination) List(ctx context.Context, prefix string) ([]string, error) {
	top := path.Dir(prefix + "x") // the folder that the prefix ends in
	if !fs.ValidPath(top) {
		return nil, nil
	}
	var keys []string
	err := fs.WalkDir(d.root.FS(), top, func(name string, e fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		switch {
		case isMissing(err): // or deleted a moment ago
			return nil
		case err != nil:
			return err
		case e.IsDir() && name != "." && checkKey(name) != nil:
			return fs.SkipDir
		case e.Type().IsRegular() && strings.HasPrefix(name, prefix) && checkKey(name) == nil:
			keys = append(keys, name)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("dir: list: %w", err)
	}
	return keys, nil
}

// checkKey returns an error if key is not one of a [jobs.Destination].
func checkKey(key string) error {
	if err := partname.CheckKey(key); err != nil {
		return fmt.Errorf("dir: %w", err)
	}
	return nil
}

// ready returns err, which is about the arguments of a call, or the cause of ctx if
// that has ended.
func ready(ctx context.Context, err error) error {
	if err == nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
