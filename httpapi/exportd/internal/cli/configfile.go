package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/demo"
)

// configFile is the configuration that a command uses if it lies in the current folder
// and no other is given.
const configFile = "exportd.yaml"

// errNoConfig says that there is no configuration.
var errNoConfig = fmt.Errorf("there is no %s in this folder: give a configuration with --config FILE, or write one with exportd init", configFile)

// hereIs tells whether something of that name lies in the current folder. A link that
// leads nowhere does, too: that it cannot be read is said when it is.
func hereIs(name string) bool {
	_, err := os.Lstat(name)
	return !errors.Is(err, fs.ErrNotExist)
}

// loadConfig reads the configuration that --config gives or, if it gives none, the one
// that lies in the current folder.
func loadConfig(file string) (*config.Config, error) {
	file, err := configOr(file)
	if err != nil {
		return nil, err
	}
	return config.Load(file)
}

// configOr is the file that --config gives, or the one in the current folder.
func configOr(file string) (string, error) {
	if file == "" {
		if !hereIs(configFile) {
			return "", errNoConfig
		}
		file = configFile
	}
	return file, nil
}

// demoFolder is where the demo has its data if --data does not say where. It is not the
// folder of anybody else.
const demoFolder = "exportd-demo"

// findConfig says which configuration the command uses: o.config afterwards is the one
// that was given or lies in the current folder, and if there is none, o.data is the
// folder of the demo. What is left aside is named.
func (o *serverOptions) findConfig() error {
	switch {
	case o.config != "":
		return nil
	case o.data != "":
		if hereIs(configFile) {
			complain(os.Stderr, fmt.Errorf("%s in this folder is not used: --data is the demo's", configFile))
		}
		return errIfVariables()
	case hereIs(configFile):
		o.config = configFile
		return nil
	}
	if !o.startsDemo {
		if !hereIs(demo.File(demoFolder)) {
			return errNoConfig
		}
		complain(os.Stderr, fmt.Errorf("there is no --config and no %s in this folder: this is the demo in %s", configFile, demoFolder))
	}
	o.data = demoFolder
	return errIfVariables()
}

// errIfVariables returns an error if the environment names a database or keys: that is
// a configuration's, and the demo would not be what was meant.
func errIfVariables() error {
	set := config.Variables()
	if len(set) == 0 {
		return nil
	}
	return fmt.Errorf("%s is set, but there is no configuration: give one with --config FILE; the demo uses only what is in its own folder", strings.Join(set, " and "))
}

// absolute is a path as it is shown to operators, who may be in another folder.
func absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}
