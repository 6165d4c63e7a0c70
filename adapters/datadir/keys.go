package datadir

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/orgexport/orgexport/sign"
)

// unfinished begins the names of key files that are being made.
const unfinished = ".orgexport-signing-"

// OpenKeys reads the keys that links are signed with from a file. If there is no
// file it is made, with one key. Processes that call it at once get the same keys.
// A file that others than its owner may read is refused.
//
// Only one of several machines may make the file: each of them would make another
// key. On more than one, use [sign.ReadKeyFile].
func OpenKeys(path string) (*sign.Keyring, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = makeKeyFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("datadir: key file: %w", err)
	}
	sweepKeyFiles(filepath.Dir(path))
	return sign.ReadKeyFile(path)
}

// makeKeyFile makes a file with one key, unless another process is faster.
func makeKeyFile(path string) error {
	line, err := sign.NewKeyLine(time.Now().UTC().Format("2006-01-02"), rand.Reader)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), unfinished+"*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) //nolint:errcheck // it may be all that is left of a failure
	_, err = temporary.WriteString("# Keys of download links: the first one signs, all are good.\n" + line + "\n")
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	// A link, unlike a rename, does not replace what another process has made. If
	// another process has swept the temporary file, the key file is there.
	err = os.Link(temporary.Name(), path)
	if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// sweepKeyFiles removes what is left of processes that were killed while they made
// the key file. Call it once there is a key file: then nobody needs another.
func sweepKeyFiles(folder string) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return // the next start tries again
	}
	for _, e := range entries {
		// What CreateTemp puts behind the name are digits: nobody else's file is one.
		if number, ok := strings.CutPrefix(e.Name(), unfinished); ok && strings.Trim(number, "0123456789") == "" {
			_ = os.Remove(filepath.Join(folder, e.Name()))
		}
	}
}
