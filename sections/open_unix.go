//go:build unix

package sections

import "syscall"

// atOnce makes the opening of a named pipe that nobody writes to, or of a device that is not
// ready, not wait. Regular files do not have it.
const atOnce = syscall.O_NONBLOCK
