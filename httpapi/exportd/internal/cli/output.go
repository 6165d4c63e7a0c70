package cli

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/term"
)

var errTerminal = errors.New("the archive is not text: redirect standard output, or name a file with --out")

// isStandardOutput tells whether --out means standard output.
func isStandardOutput(out string) bool { return out == "-" || out == "/dev/stdout" }

// isTerminal tells whether a file is a terminal.
func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// terminalSize returns how many columns and lines a terminal has.
func terminalSize(f *os.File) (width, height int) {
	width, height, err := term.GetSize(int(f.Fd()))
	if err != nil || width < 1 || height < 1 {
		return 80, 24
	}
	return width, height
}

// unlessUnread returns an error of writing a list, but nil if its reader has read enough of it, as
// head does.
func unlessUnread(err error) error {
	if errors.Is(err, syscall.EPIPE) {
		return nil
	}
	return err
}

// inFolder puts a file name behind out if that is a folder.
func inFolder(out, name string) string {
	if out == "" {
		return name
	}
	if info, err := os.Stat(out); err == nil && info.IsDir() {
		return filepath.Join(out, name)
	}
	return out
}

// writeOutput writes the archive to where it goes.
func writeOutput(out string, write func(io.Writer) error) error {
	if isStandardOutput(out) {
		return closing(os.Stdout, write)
	}
	info, err := os.Stat(out)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return writeDevice(out, write)
	case err == nil:
		if out, err = filepath.EvalSymlinks(out); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return writeFile(out, write)
}

// writeFile makes or replaces a file. It appears whole or not at all, and is
// for its owner only.
func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".partial-*")
	if err != nil {
		return err
	}
	done := false
	defer func() {
		if !done {
			_ = os.Remove(f.Name()) // the error that is returned matters more
		}
	}()
	err = closing(f, func(w io.Writer) error {
		if err := write(w); err != nil {
			return err
		}
		return f.Sync()
	})
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	done = true
	return nil
}

// writeDevice writes into what is there and is no regular file, such as a pipe.
func writeDevice(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return closing(f, func(w io.Writer) error {
		if isTerminal(f) {
			return errTerminal
		}
		return write(w)
	})
}

// closing closes f after write, whose error counts more.
func closing(f *os.File, write func(io.Writer) error) error {
	err := write(f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
