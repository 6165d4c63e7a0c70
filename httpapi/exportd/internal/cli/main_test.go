package cli_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	_ "modernc.org/sqlite"

	"github.com/orgexport/orgexport/archive/archivetest"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/cli"
	"github.com/orgexport/orgexport/internal/pgtest"
	"github.com/orgexport/orgexport/internal/s3test"
)

// TestMain makes the test binary the program itself when a test runs it.
func TestMain(m *testing.M) {
	if os.Getenv("EXPORTD_RUN_MAIN") == "1" {
		os.Exit(cli.Main(context.Background(), os.Args[1:]))
	}
	// Who starts the tests may ignore these signals, which programs inherit. A
	// program does not inherit that they are caught here.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer removePlain()
	defer s3test.Begin()()
	pgtest.Main(m)
}

const (
	acme  = "aQUEktNMu3Fe65ax6FSWEb"
	empty = "24Wb8ZhmcTDH5yYEaMRc84"
	asOf  = "2026-06-26T21:00:00Z"
	stem  = "shop-export-acme-foods-20260626-210000"
)

const schema = `
CREATE TABLE organizations (id TEXT PRIMARY KEY, slug TEXT, name TEXT, created_at TEXT);
CREATE TABLE members (id INTEGER PRIMARY KEY, organization_id TEXT, email TEXT, name TEXT);
CREATE TABLE products (id TEXT PRIMARY KEY, organization_id TEXT, name TEXT, price_cents INTEGER, tags TEXT);
CREATE TABLE assets (id INTEGER PRIMARY KEY, organization_id TEXT, product_id TEXT, file TEXT);
INSERT INTO organizations VALUES ('` + acme + `', 'acme-foods', 'Acme Foods', '2026-01-02T03:04:05Z'), ('` + empty + `', 'empty', 'Nobody', NULL);
INSERT INTO members VALUES (1, '` + acme + `', 'a@example.org', 'Zoë'), (2, '` + acme + `', 'b@example.org', '=1+1'), (3, 'other', 'c@example.org', 'C');
INSERT INTO products VALUES ('p1', '` + acme + `', 'Tea', 450, '["hot","green"]'), ('p2', '` + acme + `', 'no', 1, '[]'), ('p3', 'other', 'Secret', 1, '[]');
INSERT INTO assets VALUES (1, '` + acme + `', 'p1', 'images/tea.png'), (2, '` + acme + `', 'p2', 'images/noise.bin');
`

const (
	source = `archive: {prefix: shop-export}
source: {database: "sqlite:shop #1.db"}
scratch: scratch
organization: {sql: "SELECT id, slug, name FROM organizations WHERE id = :organization_id"}
sections:
`
	organizationSection = `  - key: organization
    required: true
    records:
      - {file: organization.yaml, sql: "SELECT * FROM organizations WHERE id = :organization_id"}
`
	productsSection = `  - key: products
    records:
      - {file: "{{.id}}/product.yaml", each: row, json: [tags], sql: "SELECT * FROM products WHERE organization_id = :organization_id ORDER BY id"}
      - {file: members.csv, sql: "SELECT * FROM members WHERE organization_id = :organization_id ORDER BY id"}
    assets:
      - {from: "dir:files", source: "{{.file}}", file: "{{.product_id}}/{{.id}}-{{base .file}}", sql: "SELECT * FROM assets WHERE organization_id = :organization_id ORDER BY id"}
`
	brokenSection = `  - key: broken
    records:
      - {file: broken.csv, sql: "SELECT sekret FROM members WHERE organization_id = :organization_id"}
`
	// The query ends when it is interrupted.
	slowSection = `  - key: slow
    records:
      - {file: slow.csv, sql: "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c) SELECT count(*) FROM c WHERE n > 0 AND :organization_id <> ''"}
`
)

var noise = func() string {
	b := make([]byte, 300_000)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return string(b)
}()

// shop makes a folder with a database, files and a configuration of these
// sections.
func shop(t *testing.T, sections ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, folder := range []string{"files/images", "scratch", "out"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range map[string]string{
		"files/images/tea.png":   "not really a picture",
		"files/images/noise.bin": noise,
		"exportd.yaml":           source + strings.Join(sections, ""),
	} {
		write(t, filepath.Join(dir, name), content)
	}
	execute(t, dir, schema)
	return dir
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func execute(t *testing.T, dir, query string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file://"+(&url.URL{Path: filepath.ToSlash(filepath.Join(dir, "shop #1.db")), RawQuery: "_busy_timeout=20000"}).String()) // a query may be reading
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), query); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

type outcome struct {
	stdout, stderr string
	status         int // -1 if a signal ended it
}

// finish runs a command to its end.
func finish(t *testing.T, c *exec.Cmd) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if c.Stdout == nil {
		c.Stdout = &stdout
	}
	c.Stderr = &stderr
	err := c.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	}
	return outcome{stdout.String(), stderr.String(), c.ProcessState.ExitCode()}
}

// run runs exportd run for acme with more flags.
func run(t *testing.T, dir string, flags ...string) outcome {
	t.Helper()
	return finish(t, command(t, dir, runFlags(flags...)...))
}

func runFlags(flags ...string) []string {
	return append([]string{"run", "--config", "exportd.yaml", "--organization", acme, "--as-of", asOf}, flags...)
}

// want fails the test if the program ended in another way. Each text must be in
// what it said on standard error; if there are none, that must be empty.
func (o outcome) want(t *testing.T, status int, stderr ...string) {
	t.Helper()
	ok := o.status == status && (len(stderr) > 0 || o.stderr == "")
	for _, text := range stderr {
		ok = ok && strings.Contains(o.stderr, text)
	}
	if !ok || strings.Contains(o.stderr, "Usage:") || strings.Contains(o.stderr, "goroutine") {
		t.Fatalf("status %d, standard error\n%s\nwant %d and %q\nstandard output\n%.2000s", o.status, o.stderr, status, stderr, o.stdout)
	}
}

// wantFiles fails the test if other files are in or below the folder.
func wantFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	if got := filesOf(t, dir); !slices.Equal(got, want) {
		t.Fatalf("files of %s are %q, want %q", dir, got, want)
	}
}

// filesOf are the files in and below a folder.
func filesOf(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// nothingLeft fails the test if a run left anything in the folder of a shop.
func nothingLeft(t *testing.T, dir string, but ...string) {
	t.Helper()
	want := slices.Concat(but, []string{"exportd.yaml", "files/images/noise.bin", "files/images/tea.png", "shop #1.db"})
	slices.Sort(want)
	wantFiles(t, dir, want...)
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// extract reads an archive and checks its sums.
func extract(t *testing.T, format, archive string) map[string]string {
	t.Helper()
	var files map[string]string
	switch format {
	case "tar.xz":
		r, err := xz.NewReader(strings.NewReader(archive))
		if err != nil {
			t.Fatal(err)
		}
		files = archivetest.UnpackTar(t, r)
	case "tar.zst":
		r, err := zstd.NewReader(strings.NewReader(archive))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		files = archivetest.UnpackTar(t, r)
	default:
		files = archivetest.Unpack(t, format, []byte(archive))
	}
	sums := strings.Split(strings.TrimSuffix(files[stem+"/SHA256SUMS"], "\n"), "\n")
	if len(sums) != len(files)-1 {
		t.Fatalf("%d sums of %d files", len(sums), len(files))
	}
	for _, line := range sums {
		sum, name, _ := strings.Cut(line, "  ")
		if got := fmt.Sprintf("%x", sha256.Sum256([]byte(files[stem+"/"+name]))); got != sum {
			t.Errorf("%s has the sum %s, want %s", name, got, sum)
		}
	}
	return files
}
