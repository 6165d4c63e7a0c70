package config

import (
	"net/url"
	"os"
	"runtime"
	"strings"

	"github.com/orgexport/orgexport/sections"
)

// Warnings returns what is no mistake and yet no good: the file has a password, and
// others than its owner may read it. Windows has other rights, which are not looked at.
func (c *Config) Warnings() (warnings []Problem) {
	if runtime.GOOS == "windows" {
		return nil
	}
	info, err := os.Stat(c.File)
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	seen := make(map[int]bool)
	for _, d := range []Database{c.Database, c.Jobs.Database} {
		if d.Variable == "" && d.hasPassword() && !seen[d.Line] {
			seen[d.Line] = true
			warnings = append(warnings, Problem{File: c.File, Line: d.Line, Message: "here is a password, and others than the owner may read the file: chmod 600 it, " +
				"or put the password elsewhere (~/.pgpass, PGPASSWORD, " + envSource + ", " + envJobs + ")"})
		}
	}
	return warnings
}

// hasPassword tells whether the address has one.
func (d Database) hasPassword() bool {
	u, err := url.Parse(d.Address)
	if err != nil || d.Dialect != sections.Postgres {
		return false
	}
	if password, _ := u.User.Password(); password != "" {
		return true
	}
	for name, values := range u.Query() {
		if (name == "password" || name == "sslpassword") && strings.Join(values, "") != "" {
			return true
		}
	}
	return false
}
