//go:build linux && (amd64 || arm64)

package jobs

import "syscall"

// dontNeed is POSIX_FADV_DONTNEED.
const dontNeed = 4

// forget lets the system forget what it has in memory of a file, if r is one, so that
// what is read next comes from where it is stored. What is not written to disk yet
// stays. A failure does no harm: then it comes from memory.
func forget(r any) {
	file, ok := r.(syscall.Conn)
	if !ok {
		return
	}
	conn, err := file.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) {
		_, _, _ = syscall.Syscall6(syscall.SYS_FADVISE64, fd, 0, 0, dontNeed, 0, 0) // length 0: to the end
	})
}
