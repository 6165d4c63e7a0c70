//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package dir

import "os"

// lock is not known on this system.
func lock(*os.File) error { return errNoLocks }
