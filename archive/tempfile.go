package archive

import (
	"os"
	"runtime"
)

// TempFile is a temporary file that leaves nothing behind: where an open file
// can be removed (everywhere but on Windows) it has no name from the moment it
// is made, and its space is given back however the process ends.
type TempFile struct{ *os.File }

// NewTempFile makes an empty temporary file in dir, by default [os.TempDir].
// It must be closed.
func NewTempFile(dir string) (*TempFile, error) {
	f, err := os.CreateTemp(dir, "orgexport-*")
	if err != nil {
		return nil, err
	}
	if runtime.GOOS != "windows" {
		if err := os.Remove(f.Name()); err != nil {
			_ = f.Close()
			return nil, err
		}
	}
	return &TempFile{f}, nil
}

// Close gives the space back.
func (t *TempFile) Close() error {
	err := t.File.Close()
	if runtime.GOOS == "windows" {
		_ = os.Remove(t.Name())
	}
	return err
}
