package wire

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/orgexport/orgexport/adapters/datadir"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/sign"
)

// openKeys reads the keys that links are signed with. The file of the default
// name is made if it is not there; one that the configuration names is not,
// because each of several machines would make another.
func openKeys(s config.Signing) (*sign.Keyring, error) {
	if s.Keys != "" {
		return sign.ReadKeys("$ORGEXPORT_SIGNING_KEYS", strings.NewReader(s.Keys))
	}
	if s.KeyFile.Line == 0 {
		return datadir.OpenKeys(s.KeyFile.Value)
	}
	keys, err := sign.ReadKeyFile(s.KeyFile.Value)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf(`%w; make one by (umask 077; echo "1:$(head -c 32 /dev/urandom | base64)" > FILE)`, err)
	}
	return keys, err
}
