package sectiontest

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/export"
)

// update is a flag whose name begins with the package's, so that a test can have an
// -update of its own.
var update = flag.Bool("sectiontest.update", false, "rewrite the files that sectiontest.Golden compares with")

// Golden exports scope and compares what the section writes with the transcript in file,
// such as "testdata/products.txt". To write the file, run the tests of the package with
// -sectiontest.update:
//
//	go test ./products -sectiontest.update
//
// A transcript has a line "-- name (what it is) --" for each file, in the order of the
// archive. Below it are the records as JSON; the line of a binary has its size and
// SHA-256. Then come the skipped items with their public reasons and, if Export failed,
// the public text of its error.
func Golden(t *testing.T, section export.Section, scope export.Scope, file string) {
	t.Helper()
	if err := golden(t.Context(), section, scope, file, *update); err != nil {
		t.Error(err)
	}
}

func golden(ctx context.Context, section export.Section, scope export.Scope, file string, update bool) error {
	r := NewRecorder(ctx)
	got := r.transcript(section.Export(ctx, scope, r))
	if update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		return os.WriteFile(file, []byte(got), 0o644)
	}
	want, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w; make it with -sectiontest.update", err)
	}
	if err != nil {
		return err
	}
	if text := strings.ReplaceAll(string(want), "\r\n", "\n"); text != got {
		return fmt.Errorf("%s (one) is not what the section wrote (other): %s", file, firstDifference(text, got))
	}
	return nil
}

// transcript returns a text of what the calls left behind. result is the error of Export.
func (r *Recorder) transcript(result error) string {
	var b, notes, skips strings.Builder
	for _, c := range r.Calls() {
		switch {
		case c.Op == Skip:
			fmt.Fprintf(&skips, "%q: %s\n", c.Name, publicReason(c.Err))
		case c.Op == Note:
			fmt.Fprintf(&notes, "%q: %s\n", c.Name, c.Text)
		case !c.wrote():
		case c.Op == Binary:
			fmt.Fprintf(&b, "-- %s (binary, %d bytes, sha256 %x) --\n", c.Name, len(c.Content), sha256.Sum256(c.Content))
		default:
			fmt.Fprintf(&b, "-- %s (%s) --\n", c.Name, c.Op)
			if c.Columns != nil {
				fmt.Fprintf(&b, "columns: %q\n", c.Columns)
			}
			for _, value := range c.Records {
				fmt.Fprintf(&b, "%s\n", value)
			}
		}
	}
	if notes.Len() > 0 {
		fmt.Fprintf(&b, "-- (notes) --\n%s", notes.String())
	}
	if skips.Len() > 0 {
		fmt.Fprintf(&b, "-- (skipped) --\n%s", skips.String())
	}
	if result != nil {
		fmt.Fprintf(&b, "-- (error) --\n%s\n", export.PublicText(result))
	}
	return b.String()
}

// publicReason returns what customers are told of a skipped item.
func publicReason(err error) string {
	var public interface{ Public() string }
	if errors.As(err, &public) {
		return public.Public()
	}
	return "The item could not be exported."
}
