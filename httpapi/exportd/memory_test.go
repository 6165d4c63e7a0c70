//go:build linux

package main_test

import (
	"bufio"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/archive/archivetest"
)

const (
	maxPeakMiB = 96
	largeFile  = 1 << 30
	smallFiles = 200_000
)

const memoryConfig = `
archive: {prefix: memory}
source: {database: "sqlite:memory.db"}
organization: {sql: "SELECT :organization_id AS id, 'acme' AS slug, 'Acme' AS name"}
sections:
  - key: large
    assets:
      - {from: "dir:.", source: "{{.file}}", file: "{{.file}}", sql: "SELECT 'large.bin' AS file, :organization_id AS o WHERE :organization_id = 'large'"}
  - key: small
    records:
      - file: "{{.d}}/{{.n}}.json"
        each: row
        sql: |
          WITH RECURSIVE c(n) AS (SELECT 1 WHERE :organization_id = 'small' UNION ALL SELECT n + 1 FROM c WHERE n < 200000)
          SELECT n, n % 1000 AS d, 'product number ' || n AS name, hex(n * 7919) AS sku FROM c
`

// TestPeakMemory exports one file of 1 GiB and 200,000 small files in a process
// of their own each, in one format or, with -long, in two, and reads off the most memory
// that it ever had.
func TestPeakMemory(t *testing.T) {
	needTools(t, "sqlite3", "python3")
	dir := t.TempDir()
	command(t, dir, "sqlite3", "memory.db", "CREATE TABLE t(x)")
	if err := os.WriteFile(filepath.Join(dir, "memory.yaml"), []byte(memoryConfig), 0o644); err != nil {
		t.Fatal(err)
	}
	writeLargeFile(t, filepath.Join(dir, "large.bin"))
	for _, organization := range []string{"large", "small"} {
		formats := map[string][]string{"large": {"tar.gz", "zip"}, "small": {"zip", "tar.gz"}}[organization]
		if !archivetest.Long() {
			formats = formats[:1]
		}
		for _, format := range formats {
			out, peak := peakOf(t, dir, exportd(t), "run", "--config", "memory.yaml", "--organization", organization, "--format", format)
			t.Logf("%s, %s: peak %d MiB", organization, format, peak)
			if peak > maxPeakMiB {
				t.Errorf("%s, %s: peak is %d MiB, want at most %d", organization, format, peak, maxPeakMiB)
			}
			if !strings.Contains(out, "200000") && organization == "small" {
				t.Errorf("the inventory does not tell of 200000 records:\n%s", out)
			}
		}
	}
}

// measure runs a program and prints the most memory that it had, in KiB, behind
// its output. It stands between the test and the program because a process is
// charged with the memory of the one that started it, and the test has more.
const measure = `
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)
`

// peakOf runs a program and returns what it prints and its peak in MiB.
func peakOf(t *testing.T, dir string, program ...string) (out string, peak int) {
	t.Helper()
	args := append([]string{"-c", measure}, program...)
	printed := strings.TrimSpace(string(command(t, dir, "python3", args...)))
	at := strings.LastIndexByte(printed, '\n')
	kib, err := strconv.Atoi(printed[at+1:])
	if err != nil {
		t.Fatal(err)
	}
	return printed[:at], kib >> 10
}

// writeLargeFile writes 1 GiB, half noise and half text by turns.
func writeLargeFile(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	noise := rand.NewChaCha8([32]byte{2})
	text := []byte(strings.Repeat("all work and no play makes a dull archive; ", 1<<20/43+1)[:1<<20])
	random := make([]byte, 1<<20)
	w := bufio.NewWriterSize(f, 1<<20)
	for n := 0; n < largeFile; n += 2 << 20 {
		if _, err := noise.Read(random); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(append(random[:1<<20:1<<20], text...)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}
