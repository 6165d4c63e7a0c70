package archivetest

import (
	"flag"
	"testing"
)

// The flags are looked up before they are defined, because a test package that
// imports this one may have them too.
var (
	long   = boolFlag("long", "run the full forms of tests that take minutes and gigabytes")
	update = boolFlag("update", "write golden files anew")
)

func boolFlag(name, usage string) flag.Value {
	if flag.Lookup(name) == nil {
		flag.Bool(name, false, usage)
	}
	return flag.Lookup(name).Value
}

// Long reports whether the test flag -long is set. It asks for the full forms of
// tests, with files over 4 GiB and the like.
func Long() bool { return long.String() == "true" }

func needLong(t *testing.T) {
	t.Helper()
	if !Long() {
		t.Skip("needs -long")
	}
}
