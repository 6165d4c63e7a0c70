//go:build linux

package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// nobody is the user that may do nothing in particular.
const nobody = 65534

// TestUnreadableImages exports a catalogue some of whose images are gone,
// folders, or not for the user who runs the export.
func TestUnreadableImages(t *testing.T) {
	needTools(t, "sqlite3", "tar")
	if os.Getuid() != 0 {
		t.Skip("skipped: only root can run the export as another user")
	}
	dir := catalogue(t)
	organization := rows(t, dir, "SELECT * FROM organizations WHERE slug = 'games'")[0]
	id := organization["id"].(string)
	assets := rows(t, dir, fmt.Sprintf("SELECT * FROM assets WHERE organization_id = '%s' ORDER BY id", id))
	reasons := make(map[string]string)
	for i, damage := range []func(string) string{
		func(name string) string { must(t, os.Remove(name)); return "The file was not found." },
		func(name string) string {
			must(t, os.Remove(name))
			must(t, os.Mkdir(name, 0o755))
			return "The file is a folder."
		},
		func(name string) string { must(t, os.Chmod(name, 0)); return "The file may not be read." },
	} {
		file := assets[i*len(assets)/3]["file"].(string)
		reasons[file] = damage(filepath.Join(dir, file))
	}
	var want []string
	for _, a := range assets {
		if reason, ok := reasons[a["file"].(string)]; ok {
			want = append(want, a["file"].(string)+": "+reason)
		}
	}

	out := filepath.Join(t.TempDir(), "out")
	must(t, os.Mkdir(out, 0o777))
	must(t, os.Chmod(out, 0o777))
	for _, folder := range []string{dir, out} { // others may go through, too
		must(t, os.Chmod(filepath.Dir(folder), 0o755))

	}
	cmd := exec.CommandContext(t.Context(), exportd(t), "run", "--config", filepath.Join(dir, "catalog.yaml"), "--json",
		"--organization", id, "--format", "tar.gz", "--out", filepath.Join(out, "a.tar.gz"))
	cmd.Env = append(os.Environ(), "TMPDIR="+out, "HOME="+out)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	printed, err := cmd.Output()
	const incomplete = 3
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != incomplete {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var got inventory
	must(t, json.Unmarshal(printed, &got))
	products := got.Sections[2]
	text := fmt.Sprintf("%d items were skipped; they are listed in products/_skipped.ndjson.", len(want))
	if products.Status != "partial" || products.Binaries != len(assets)-len(want) || products.Error != text {
		t.Errorf("products are %+v, want partial with %d binaries and %q", products, len(assets)-len(want), text)
	}
	command(t, out, "tar", "-xzf", "a.tar.gz", "--strip-components=1")
	if skipped := skippedItems(t, filepath.Join(out, "products/_skipped.ndjson")); !slices.Equal(skipped, want) {
		t.Errorf("skipped are\n%s\nwant\n%s", strings.Join(skipped, "\n"), strings.Join(want, "\n"))
	}
	command(t, out, "sha256sum", "--quiet", "-c", "SHA256SUMS")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func skippedItems(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(name)
	must(t, err)
	var items []string
	for line := range bytes.Lines(text) {
		var item struct{ Ref, Reason string }
		must(t, json.Unmarshal(line, &item))
		items = append(items, item.Ref+": "+item.Reason)
	}
	return items
}
