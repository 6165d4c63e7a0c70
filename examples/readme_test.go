// Package examples_test holds README.md to the examples.
package examples_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path"
	"strings"
	"testing"
)

const readmeFile = "../README.md"

var update = flag.Bool("update", false, "write the code blocks of README.md")

// blocks are the code blocks of README.md that are taken from compiled code. In
// README.md the line "<!-- code: NAME -->" stands before the block; in the
// source the lines "// README: NAME begin" and "// README: NAME end" are around
// it.
var blocks = []struct {
	name, source string
	maxLines     int // it is to be read in passing
}{
	{"hello", "../sections/example_archive_test.go", 15},
	{"embed", "embed/main.go", 45},
	{"section", "customsection/tickets.go", 20},
}

// TestREADME compares the code in README.md with the source.
func TestREADME(t *testing.T) {
	readme := readFile(t, readmeFile)
	fresh := readme
	for _, b := range blocks {
		code, err := between(readFile(t, b.source), "// README: "+b.name+" begin\n", "// README: "+b.name+" end\n")
		if err != nil {
			t.Fatalf("%s: %v", b.source, err)
		}
		code = strings.Trim(code, "\n") + "\n"
		if n := strings.Count(code, "\n"); n > b.maxLines {
			t.Errorf("%s: %s has %d lines, want at most %d", b.source, b.name, n, b.maxLines)
		}
		begin, end := "<!-- code: "+b.name+" -->\n```go\n", "```\n"
		shown, err := between(fresh, begin, end)
		if err != nil {
			t.Fatalf("%s: %v", readmeFile, err)
		}
		if shown != code && !*update {
			t.Errorf("README.md differs from %s: run `go test ./examples -update`", path.Join("examples", b.source))
		}
		fresh = strings.Replace(fresh, begin+shown+end, begin+code+end, 1)
	}
	if *update && !t.Failed() && fresh != readme {
		if err := os.WriteFile(readmeFile, []byte(fresh), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// between returns what stands between two texts, of which the first must occur
// once.
func between(text, begin, end string) (string, error) {
	if n := strings.Count(text, begin); n != 1 {
		return "", fmt.Errorf("%q is there %d times, want once", begin, n)
	}
	_, rest, _ := strings.Cut(text, begin)
	found, _, ok := strings.Cut(rest, end)
	if !ok {
		return "", fmt.Errorf("there is no %q behind %q", end, begin)
	}
	return found, nil
}

// readFile reads a text, whatever its line ends were made on checkout.
func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
}
