//go:build linux || darwin

package export

import "syscall"

// FreeSpace returns how many bytes an ordinary user may still write in a folder. It is
// for implementations of [FreeSpacer]. On systems where it is not known, such as
// Windows, the error matches [errors.ErrUnsupported].
func FreeSpace(dir string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}
