//go:build unix

package cli

import (
	"os/signal"
	"syscall"
)

// ignoreSignals makes errors of two signals that end a program in the middle
// of a write: a file over the limit of the user, and a pipe that nobody reads.
func ignoreSignals() {
	signal.Ignore(syscall.SIGXFSZ, syscall.SIGPIPE)
}
