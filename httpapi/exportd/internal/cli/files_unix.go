//go:build unix

package cli

import (
	"math"
	"syscall"
)

// maxFiles returns how many files the process may have open, 0 if it is not known.
func maxFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return int(min(uint64(limit.Cur), math.MaxInt32))
}
