package dir

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"time"
)

// tempFolder has the files that are not complete. The tilde is in no key.
const tempFolder = "~tmp"

// maxAge is how long a temporary file is left alone where files cannot be
// locked. Nothing is written for so long.
const maxAge = 7 * 24 * time.Hour

var (
	errLocked  = errors.New("file is locked")
	errNoLocks = errors.New("files cannot be locked")
)

// temp is a temporary file. While its process lives it is locked: who finds one
// that is not knows that nobody will go on with it. A process id in the name
// would not do, because ids are used again and mean nothing on other machines or
// in other containers; nor would an age, because some exports take days and the
// disk may be full after an hour. A lock ends with the process, however that does.
type temp struct {
	folder *folder
	file   *os.File
	name   string
	done   bool
}

// newTemp makes a temporary file. A sweep may find it before it is locked; then
// the sweep has the lock or has removed it, and another one is made.
func (f *folder) newTemp() (*temp, error) {
	for range maxTries {
		name := path.Join(tempFolder, rand.Text())
		file, err := f.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrNotExist) {
			err = f.root.Mkdir(tempFolder, 0o700)
			if err == nil || errors.Is(err, fs.ErrExist) {
				continue
			}
		}
		if err != nil {
			return nil, err
		}
		t := &temp{folder: f, file: file, name: name}
		switch err := t.claim(); {
		case err == nil:
			return t, nil
		case errors.Is(err, errLocked) || errors.Is(err, fs.ErrNotExist):
			t.discard()
		default:
			t.discard()
			return nil, err
		}
	}
	return nil, errors.New("other processes remove every temporary file")
}

// claim locks the file, and makes sure that its name still is the file's.
func (t *temp) claim() error {
	err := lock(t.file)
	if errors.Is(err, errNoLocks) {
		return nil // see maxAge
	}
	if err != nil {
		return err
	}
	mine, err := t.file.Stat()
	if err != nil {
		return err
	}
	named, err := t.folder.root.Lstat(t.name)
	if err == nil && !os.SameFile(mine, named) {
		err = fs.ErrNotExist
	}
	return err
}

// published gives the lock back once the file has its name, before which
// another process could have removed it.
func (t *temp) published() error {
	t.done = true
	return t.file.Close()
}

// discard removes the file unless it was published. What cannot be removed now
// is removed by a sweep.
func (t *temp) discard() {
	if t.done {
		return
	}
	t.done = true
	_ = t.folder.root.Remove(t.name)
	_ = t.file.Close()
}

// Sweep implements [export.Sweeper]. It removes the temporary files of processes
// that have ended. A file that it cannot remove only takes space, until the next
// Sweep.
func (f *folder) Sweep(ctx context.Context) error {
	entries, err := fs.ReadDir(f.root.FS(), tempFolder)
	if isMissing(err) {
		return nil
	}
	for _, e := range entries {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if e.Type().IsRegular() {
			err = errors.Join(err, f.sweepFile(path.Join(tempFolder, e.Name())))
		}
	}
	if err != nil {
		return fmt.Errorf("dir: sweep: %w", err)
	}
	return nil
}

// sweepFile removes the file while it has the lock, so that nobody starts to use
// it. Names are not used twice: if the file was published in the meantime, there
// is none of this name.
func (f *folder) sweepFile(name string) error {
	file, err := f.root.OpenFile(name, os.O_RDWR, 0)
	if err == nil {
		defer file.Close() //nolint:errcheck // it was not written to
		err = abandoned(file)
	}
	if err == nil {
		err = f.root.Remove(name)
	}
	if errors.Is(err, errLocked) || isMissing(err) {
		return nil
	}
	return err
}

// abandoned locks a file that nobody writes any more; the error of another
// matches errLocked.
func abandoned(file *os.File) error {
	err := lock(file)
	if !errors.Is(err, errNoLocks) {
		return err
	}
	info, err := file.Stat()
	if err == nil && time.Since(info.ModTime()) < maxAge {
		err = errLocked
	}
	return err
}
