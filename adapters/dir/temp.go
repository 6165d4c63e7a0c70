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

// tempFolder is the folder of files that are not complete. A key has no tilde.
const tempFolder = "~tmp"

// maxAge is how long ago a temporary file must have been written before Sweep removes
// it on a system without locks. No Put goes so long without writing.
const maxAge = 7 * 24 * time.Hour

var (
	errLocked  = errors.New("file is locked")
	errNoLocks = errors.New("files cannot be locked")
)

// temp is a temporary file. It is locked for as long as it is written. A lock ends with
// its process, however that ends: so a file without a lock is one that a dead process
// left. A process id in the name would not tell that, because ids are used again and
// mean nothing on another machine or in another container. Nor would an age: some
// exports take days, and a disk may be full after an hour.
type temp struct {
	folder *folder
	file   *os.File
	name   string
	done   bool
}

// newTemp makes a temporary file. A Sweep may find the file before it is locked, and
// lock or remove it. Then newTemp makes another one.
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

// claim locks the file and checks that it still has its name. The error matches
// errLocked or [fs.ErrNotExist] if a Sweep was faster.
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

// published closes the file, which ends the lock. It is called after the file has got
// its final name: before, a Sweep could have removed it.
func (t *temp) published() error {
	t.done = true
	return t.file.Close()
}

// discard closes and removes the file, unless it was published. If it cannot be removed
// now, a Sweep will remove it.
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

// sweepFile removes a temporary file, unless it is locked. It holds the lock meanwhile,
// so that nobody begins to use the file. If the file was published a moment ago it has
// no longer this name, and names are not used twice.
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

// abandoned locks a file that nobody writes any more. If somebody does, the error
// matches errLocked. Without locks it goes by the file's age.
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
