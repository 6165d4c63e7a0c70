//go:build !linux && !darwin

package export

import "errors"

// FreeSpace returns how many bytes an ordinary user may still write in a folder. It is
// for implementations of [FreeSpacer]. On systems where it is not known, such as this
// one, the error matches [errors.ErrUnsupported].
func FreeSpace(string) (int64, error) { return 0, errors.ErrUnsupported }
