package dir

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/orgexport/orgexport/export"
)

const (
	bufferSize = 256 << 10

	// maxTries bounds how often one is overtaken by other processes that remove
	// a folder for being empty just when it is to be used.
	maxTries = 1000
)

// folder is what a Destination and a Spool have in common. Names are paths in
// it with slashes, and valid.
type folder struct {
	path string // absolute
	root *os.Root
}

// openFolder opens a folder, makes it if there is none, and sweeps it.
func openFolder(name string) (*folder, error) {
	name, err := filepath.Abs(name)
	if err != nil {
		return nil, fmt.Errorf("dir: %w", err)
	}
	if err := makeFolder(name); err != nil {
		return nil, fmt.Errorf("dir: make the folder: %w", err)
	}
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, fmt.Errorf("dir: open the folder: %w", err)
	}
	f := &folder{name, root}
	_ = f.Sweep(context.Background()) //nolint:forbidigo // opening takes no ctx, and is no failure if this is one
	return f, nil
}

// makeFolder makes a folder and those above it that are missing, and waits until
// they are on disk: what is in a folder is lost with it.
func makeFolder(name string) error {
	if _, err := os.Stat(name); err == nil {
		return nil // of a file, OpenRoot says so
	}
	parent := filepath.Dir(name)
	if parent != name {
		if err := makeFolder(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	err := syncFolder(os.Open(parent))
	if errors.Is(err, fs.ErrPermission) {
		return nil // who may make folders somewhere need not be able to read there
	}
	return err
}

// syncFolder waits until the entries of a folder that was opened are on disk. It
// is no error that it is gone, or that the system cannot wait.
func syncFolder(d *os.File, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer d.Close() //nolint:errcheck // it was not written to
	if runtime.GOOS == "windows" {
		return nil
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil // as some network file systems answer
	}
	return err
}

// put makes or replaces a file.
func (f *folder) put(ctx context.Context, name string, write func(io.Writer) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	temp, err := f.newTemp()
	if err != nil {
		return fmt.Errorf("dir: make a temporary file: %w", err)
	}
	defer temp.discard() // also if write panics
	out := bufio.NewWriterSize(&writer{ctx, temp.file}, bufferSize)
	if err := write(out); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if err := temp.file.Sync(); err != nil {
		return fmt.Errorf("dir: sync: %w", err)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := f.publish(temp, name); err != nil {
		return fmt.Errorf("dir: publish: %w", err)
	}
	return nil
}

// publish gives a temporary file its name, and waits until that is on disk. All
// folders above are waited for: another process may have made them just now.
func (f *folder) publish(temp *temp, name string) error {
	if err := f.rename(temp.name, name); err != nil {
		return err
	}
	if err := temp.published(); err != nil {
		return err
	}
	for dir := path.Dir(name); ; dir = path.Dir(dir) {
		if err := syncFolder(f.root.Open(dir)); err != nil {
			return err
		}
		if dir == "." {
			return nil
		}
	}
}

// rename moves a file into a folder that is made if need be. A remove of the
// last file there may take the folder away at any time: then it is made again.
func (f *folder) rename(from, to string) error {
	var err error
	for range maxTries {
		if err = f.root.MkdirAll(path.Dir(to), 0o700); err == nil {
			err = f.root.Rename(from, to)
		}
		// MkdirAll says ErrExist of a folder that goes while it looks at it.
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return err
}

// open opens a file for reading. What it returns is an [*os.File].
func (f *folder) open(name string) (io.ReadSeekCloser, error) {
	file, err := f.root.Open(name)
	if isMissing(err) {
		return nil, fmt.Errorf("%w: %s", export.ErrNotFound, name)
	}
	if err != nil {
		return nil, fmt.Errorf("dir: open: %w", err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: %s", export.ErrNotFound, name)
	}
	if err != nil {
		_ = file.Close() // it was only opened
		return nil, err
	}
	return file, nil
}

// remove removes a file, and the folders that are empty without it: a folder
// that is not cannot be removed.
func (f *folder) remove(name string) error {
	info, err := f.root.Lstat(name)
	if err == nil && !info.IsDir() {
		err = f.root.Remove(name)
	}
	if err == nil {
		err = syncFolder(f.root.Open(path.Dir(name)))
	}
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("dir: remove: %w", err)
	}
	for dir := path.Dir(name); dir != "." && f.root.Remove(dir) == nil; {
		dir = path.Dir(dir)
	}
	return nil
}

// isMissing also knows the error for a file in the place of a folder.
func isMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// Check implements [export.Checker]. It writes a little and says why it cannot.
func (f *folder) Check(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	named, err := os.Stat(f.path)
	if err != nil {
		return fmt.Errorf("dir: %w", err)
	}
	opened, err := f.root.Stat(".")
	if err != nil {
		return fmt.Errorf("dir: %w", err)
	}
	if !os.SameFile(named, opened) {
		return errors.New("dir: the folder was replaced after it was opened")
	}
	temp, err := f.newTemp()
	if err != nil {
		return fmt.Errorf("dir: not writable: %w", err)
	}
	defer temp.discard()
	if _, err := temp.file.Write(make([]byte, 4096)); err != nil {
		return fmt.Errorf("dir: not writable: %w", err)
	}
	return nil
}

// FreeSpace implements [export.FreeSpacer].
func (f *folder) FreeSpace() (int64, error) { return export.FreeSpace(f.path) }

// Close gives the folder up. What was opened in it stays open.
func (f *folder) Close() error { return f.root.Close() }

// writer writes to a file until its context ends.
type writer struct {
	ctx  context.Context
	file *os.File
}

func (w *writer) Write(p []byte) (int, error) {
	if w.ctx.Err() != nil {
		return 0, context.Cause(w.ctx)
	}
	n, err := w.file.Write(p)
	if err != nil {
		err = fmt.Errorf("dir: write: %w", err)
	}
	return n, err
}
