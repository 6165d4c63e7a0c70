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

	// maxTries is how often an operation is tried because other processes remove
	// an empty folder, or a temporary file, between two of its steps.
	maxTries = 1000
)

// folder is what a Destination and a Spool have in common. The names of files are
// valid paths in it, with slashes.
type folder struct {
	path string // absolute
	root *os.Root
}

// openFolder opens a folder, or makes it, and sweeps it.
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
	_ = f.Sweep(context.Background()) //nolint:forbidigo // opening takes no ctx, and succeeds even if this fails
	return f, nil
}

// makeFolder makes a folder, and folders above it that are missing, and waits until
// they are on disk: a crash must not lose them with what is in them.
func makeFolder(name string) error {
	if _, err := os.Stat(name); err == nil {
		return nil // if it is a file, OpenRoot fails
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
		return nil // one may be allowed to make folders in parent, but not to read it
	}
	return err
}

// syncFolder waits until the names in a folder are on disk. It takes the results of
// opening the folder, and closes it. It is no error if the folder is gone, or if the
// system cannot wait.
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
	// What is written to a folder that was moved away, or covered by a mount, is lost to
	// those who look for it by its path.
	if err := f.inPlace(); err != nil {
		return err
	}
	if err := f.publish(temp, name); err != nil {
		return fmt.Errorf("dir: publish: %w", err)
	}
	return nil
}

// publish gives a temporary file its name, and waits until that is on disk. It waits
// for all folders above as well: another process may have made them a moment ago.
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

// rename renames a file and makes the folder that it goes to. If that folder goes
// away in between, because remove has removed the last file in it, rename tries again.
func (f *folder) rename(from, to string) error {
	var err error
	for range maxTries {
		if err = f.root.MkdirAll(path.Dir(to), 0o700); err == nil {
			err = f.root.Rename(from, to)
		}
		// MkdirAll returns ErrExist if a folder goes away while it looks at it.
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return err
}

// open opens a file for reading. It returns an [*os.File].
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

// size returns the length of a file. A file is only missing if the folder is there.
func (f *folder) size(name string) (int64, error) {
	info, err := f.root.Stat(name)
	if err == nil && info.Mode().IsRegular() {
		return info.Size(), nil
	}
	if err != nil && !isMissing(err) {
		return 0, fmt.Errorf("dir: size: %w", err)
	}
	return 0, f.missing(name)
}

// missing returns the error of a file that is not there, or why nobody knows.
func (f *folder) missing(name string) error {
	if err := f.inPlace(); err != nil {
		return err
	}
	return fmt.Errorf("%w: %s", export.ErrNotFound, name)
}

// remove removes a file, and the folders above it that are empty then. A folder that
// is not empty cannot be removed.
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

// isMissing reports whether err says that there is no such file. It may also be that
// a folder in its path is a file.
func isMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// Check implements [export.Checker]. It writes a little, and returns the error if that
// fails or the folder was replaced since it was opened.
func (f *folder) Check(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := f.inPlace(); err != nil {
		return err
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

// inPlace returns an error if the folder was removed or replaced since it was opened.
func (f *folder) inPlace() error {
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
	return nil
}

// FreeSpace implements [export.FreeSpacer].
func (f *folder) FreeSpace() (int64, error) { return export.FreeSpace(f.path) }

// Close closes the folder. Files that were opened in it stay open.
func (f *folder) Close() error { return f.root.Close() }

// writer writes to a file, and fails once its context has ended.
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
