package wire

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/sign"
)

// unfinished begins the names of key files that are being made.
const unfinished = ".signing-"

// openKeys reads the keys that links are signed with. The file of the default
// name is made if it is not there; one that the configuration names is not,
// because each of several machines would make another.
func openKeys(s config.Signing) (*sign.Keyring, error) {
	if s.Keys != "" {
		return sign.ReadKeys("$ORGEXPORT_SIGNING_KEYS", strings.NewReader(s.Keys))
	}
	path := s.KeyFile.Value
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && s.KeyFile.Line == 0 {
		if err := makeKeyFile(path); err != nil {
			return nil, err
		}
		file, err = os.Open(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf(`%w; make one by (umask 077; echo "1:$(head -c 32 /dev/urandom | base64)" > FILE)`, err)
	}
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	if s.KeyFile.Line == 0 {
		sweepKeyFiles(filepath.Dir(path))
	}
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("%s can be read by others than its owner: chmod 600 it", path)
	}
	return sign.ReadKeys(path, file)
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
	// that has swept this file as well, the key file is there.
	err = os.Link(temporary.Name(), path)
	if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// sweepKeyFiles removes what processes have left that were killed while they made
// the key file, once there is one: then nobody needs another.
func sweepKeyFiles(folder string) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return // the next start tries again
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), unfinished) {
			_ = os.Remove(filepath.Join(folder, e.Name()))
		}
	}
}
