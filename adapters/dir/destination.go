package dir

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

const wordAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// Destination keeps archives in a folder. It implements [jobs.Destination],
// [export.Checker], [export.FreeSpacer] and [export.Sweeper]. It is safe for
// concurrent use, by several processes too.
type Destination struct{ *folder }

// NewDestination opens a folder, which is made if there is none. What processes
// that have ended have left there is removed.
func NewDestination(path string) (*Destination, error) {
	f, err := openFolder(path)
	if err != nil {
		return nil, err
	}
	return &Destination{f}, nil
}

// Put implements [jobs.Destination]. The writer is buffered, and is of no use
// once write has returned.
func (d *Destination) Put(ctx context.Context, key string, write func(io.Writer) error) error {
	if err := checkKey(key); err != nil {
		return err
	}
	return d.put(ctx, key, write)
}

// Open implements [jobs.Destination]. What it returns is an [*os.File].
func (d *Destination) Open(ctx context.Context, key string) (io.ReadSeekCloser, error) {
	if err := ready(ctx, checkKey(key)); err != nil {
		return nil, err
	}
	return d.open(key)
}

// Delete implements [jobs.Destination].
func (d *Destination) Delete(ctx context.Context, key string) error {
	if err := ready(ctx, checkKey(key)); err != nil {
		return err
	}
	return d.remove(key)
}

// List implements [jobs.Destination]. Files whose names are no keys are not
// listed.
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

// checkKey takes the keys that an [jobs.Destination] has.
func checkKey(key string) error {
	if !fs.ValidPath(key) || key == "." || strings.Trim(key, wordAlphabet+"./") != "" {
		return fmt.Errorf("dir: %q is not a key", key)
	}
	return nil
}

// ready tells why a call with that check of its arguments cannot go on.
func ready(ctx context.Context, err error) error {
	if err == nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
