//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package dir

import (
	"errors"
	"os"
	"syscall"
)

// lock locks a file until it is closed. The error is errLocked if it is locked already,
// by this process or another, and errNoLocks if the file system has no locks.
func lock(file *os.File) error {
	conn, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var locked error
	err = conn.Control(func(fd uintptr) {
		for {
			locked = syscall.Flock(int(fd), syscall.LOCK_EX|syscall.LOCK_NB)
			if !errors.Is(locked, syscall.EINTR) {
				return
			}
		}
	})
	switch {
	case err != nil:
		return err
	case locked == nil:
		return nil
	case errors.Is(locked, syscall.EWOULDBLOCK):
		return errLocked
	default: // ENOTSUP, ENOSYS, ENOLCK: file systems differ
		return errNoLocks
	}
}
