package export_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/export/internal/kittest"

	"github.com/orgexport/orgexport/archive/archivetest"
	"github.com/orgexport/orgexport/export"
)

// The short names of what these tests share with those of package jobs.
var (
	section  = kittest.Section
	writes   = kittest.Writes
	fine     = kittest.Fine
	row      = kittest.Row
	count    = kittest.Count
	engine   = kittest.Engine
	request  = kittest.Request
	newNoise = kittest.Noise
	acme     = kittest.Acme()
	errDisk  = kittest.ErrDisk
)

type closedError = kittest.ClosedError

const top = "export-acme-foods-20260626-210000/"

// run exports and unpacks. It fails the test if there is no archive or its
// sums are not right.
func run(t *testing.T, e *export.Engine, r export.Request) (export.Result, map[string]string) {
	t.Helper()
	var b bytes.Buffer
	result, err := e.Export(t.Context(), r, &b)
	if err != nil {
		t.Fatalf("Export: %v", err)
	}
	if result.Size != int64(b.Len()) || result.SHA256 != sha256.Sum256(b.Bytes()) {
		t.Errorf("result has size %d, sum %x; the archive is another", result.Size, result.SHA256)
	}
	files := unpack(t, r.Format.Name(), b.Bytes())
	checkSums(t, files)
	return result, files
}

// unpack reads an archive with the standard library and takes the top folder
// off the names.
func unpack(t *testing.T, format string, b []byte) map[string]string {
	t.Helper()
	files := make(map[string]string)
	for name, content := range archivetest.Unpack(t, format, b) {
		short, ok := strings.CutPrefix(name, top)
		if !ok {
			t.Errorf("%s is outside of the top folder", name)
		}
		files[short] = content
	}
	return files
}

// checkSums checks that SHA256SUMS lists every other file with its sum.
func checkSums(t *testing.T, files map[string]string) {
	t.Helper()
	listed := 0
	for line := range strings.Lines(files["SHA256SUMS"]) {
		sum, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		digest := sha256.Sum256([]byte(files[name]))
		if !ok || sum != hex.EncodeToString(digest[:]) {
			t.Errorf("SHA256SUMS has a wrong line %q", line)
		}
		listed++
	}
	if listed != len(files)-1 {
		t.Errorf("SHA256SUMS lists %d files of %d", listed, len(files)-1)
	}
}

var errSecret = errors.New("secret cause: SELECT password FROM /etc/passwd")
