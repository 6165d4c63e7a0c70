//go:build linux

package soak_test

import (
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver's name is pgx

	"github.com/orgexport/orgexport/export"
)

// soakConfig is the configuration of a node. Requests of hostile keys are limited, those
// of honest keys have limits of their own.
const soakConfig = `server: {drain: 100ms}
metrics: {listen: "%s"}
limits: {requests_per_minute: 600, requests_per_day: 10000000, exports_at_once: 10, exports_per_day: none}
api: {archive_formats: [zip, tar.gz, tar.zst]}
archives: {parts_retention: none}
min_free_bytes: 4MiB
source: {database: "%s"}
organization: {sql: "SELECT id, slug, name FROM organizations WHERE id = :organization_id"}
sections:
  - key: organization
    required: true
    records:
      - {file: organization.yaml, sql: "SELECT * FROM organizations WHERE id = :organization_id"}
  - key: records
    records:
      - {file: "{{.id}}/record.yaml", each: row, json: [doc], sql: "SELECT * FROM records WHERE organization_id = :organization_id ORDER BY id"}
      - {file: "named/{{.name}}.json", each: row, sql: "SELECT id, name FROM records WHERE organization_id = :organization_id ORDER BY id"}
      - {file: records.ndjson, json: [doc], sql: "SELECT * FROM records WHERE organization_id = :organization_id ORDER BY id"}
      - {file: records.csv, sql: "SELECT * FROM records WHERE organization_id = :organization_id ORDER BY id"}
  - key: lines
    records:
      - {file: lines.csv, sql: "SELECT a.id, b.text FROM lines AS a CROSS JOIN lines AS b WHERE a.organization_id = :organization_id AND b.organization_id = a.organization_id ORDER BY a.id, b.id"}
  - key: files
    assets:
      - {from: "dir:files/{{.organization_id}}", source: "{{.file}}", file: "{{.id}}-{{safe .file}}", sql: "SELECT * FROM files WHERE organization_id = :organization_id ORDER BY id"}
`

const sourceSchema = `
CREATE TABLE organizations (id TEXT PRIMARY KEY, slug TEXT, name TEXT);
CREATE TABLE records (id INTEGER, organization_id TEXT, name TEXT, doc TEXT);
CREATE TABLE lines (id INTEGER, organization_id TEXT, text TEXT);
CREATE TABLE files (id INTEGER, organization_id TEXT, file TEXT);
`

const (
	honestOrganizations = 4
	hugeValue           = 8 << 20
)

// source fills the database that is exported and the folder of files.
type source struct {
	t      *testing.T
	dir    string
	db     *sql.DB
	random *rand.Rand
}

// newSource opens a database by its driver and makes its tables.
func newSource(t *testing.T, dir, driver, address string, random *rand.Rand) *source {
	t.Helper()
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	s := &source{t: t, dir: dir, db: db, random: random}
	for statement := range strings.SplitSeq(strings.TrimSpace(sourceSchema), "\n") {
		s.exec(statement)
	}
	return s
}

// exec runs a statement whose parameters are $1, $2, …, which both databases know.
func (s *source) exec(statement string, args ...any) {
	s.t.Helper()
	if _, err := s.db.ExecContext(s.t.Context(), statement, args...); err != nil {
		s.t.Fatalf("%.100s: %v", statement, err)
	}
}

// organization adds one with records and files and returns its id.
func (s *source) organization(slug string, names, docs, files []string) string {
	s.t.Helper()
	id := export.NewID()
	s.exec("INSERT INTO organizations VALUES ($1, $2, $3)", id, slug, "Organization "+slug)
	for i, doc := range docs {
		s.exec("INSERT INTO records VALUES ($1, $2, $3, $4)", i, id, names[i%len(names)], doc)
	}
	for i := range 150 {
		s.exec("INSERT INTO lines VALUES ($1, $2, $3)", i, id, fmt.Sprintf("line %d of %s", i, id))
	}
	folder := filepath.Join(s.dir, "files", id)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		s.t.Fatal(err)
	}
	for i, name := range files {
		s.exec("INSERT INTO files VALUES ($1, $2, $3)", i, id, name)
		content := make([]byte, 1+s.random.IntN(200_000))
		for i := range content {
			content[i] = byte(s.random.Uint32())
		}
		// A name that leads out of the folder, or that no file can have, is in the row only.
		if !filepath.IsLocal(name) || strings.ContainsRune(name, '/') {
			continue
		}
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil && !errors.Is(err, syscall.ENAMETOOLONG) {
			s.t.Fatal(err)
		}
	}
	return id
}

// honest adds an organization whose data is as usual.
func (s *source) honest(i int) string {
	var names, docs, files []string
	for n := range 40 {
		names = append(names, fmt.Sprintf("record-%d", n))
		docs = append(docs, fmt.Sprintf(`{"number": %d, "tags": ["a", "b"], "text": "%s"}`, n, strings.Repeat("words ", 1+n)))
	}
	for n := range 5 {
		files = append(files, fmt.Sprintf("file-%d.bin", n))
	}
	return s.organization(fmt.Sprintf("honest-%d", i), names, docs, files)
}

// hostile adds an organization that wants to harm.
func (s *source) hostile() string {
	names := []string{
		"../../escape", "/etc/passwd", "CON", "nul.txt", "trailing.", "a\\b", "a:b", "\u202egpj.exe", strings.Repeat("long", 100),
		"é", "e\u0301", "-rf", "$(reboot)", "line\nbreak", "tab\tand\x1b[31mcolour", "", ".", "..", "_skipped.ndjson", "same", "SAME",
	}
	docs := []string{
		strings.Repeat("[", 200_000) + strings.Repeat("]", 200_000),
		strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000),
		"[" + strings.Repeat("0,", 500_000) + "0]",
		`{"` + strings.Repeat("key", 1<<20) + `": 1}`,
		`{"` + strings.Repeat(`k":1,"`, 200_000) + `z":2}`,
		strings.Repeat("9", 1<<20), "1e999999999", "-0", "{not json", `"` + strings.Repeat(`\u0000`, 10_000) + `"`,
		strings.Repeat("x", hugeValue), `"` + strings.Repeat("é", hugeValue/4) + `"`,
		"=cmd|' /C calc'!A0", "---\n- &a [*a]", strings.Repeat("\n", 1<<20),
	}
	for len(docs) < len(names) {
		docs = append(docs, "{}")
	}
	files := []string{"../../../exportd.yaml", "/etc/passwd", "missing.bin", "fifo", "folder", "ok.bin", strings.Repeat("n", 300), "new\nline", "../" + strings.Repeat("../", 50)}
	id := s.organization("hostile", names, docs, files[:3])
	folder := filepath.Join(s.dir, "files", id)
	if err := errors.Join(syscall.Mkfifo(filepath.Join(folder, "fifo"), 0o600), os.Mkdir(filepath.Join(folder, "folder"), 0o700)); err != nil {
		s.t.Fatal(err)
	}
	for i, name := range files[3:] {
		s.exec("INSERT INTO files VALUES ($1, $2, $3)", 3+i, id, name)
	}
	return id
}

// configFor writes the configuration of a node, with metrics at an address.
func (s *site) configFor(t *testing.T, name, metrics, database string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), fmt.Appendf(nil, soakConfig, metrics, withoutPassword(database)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// withoutPassword leaves the password of a URL to the environment.
func withoutPassword(database string) string {
	u, err := url.Parse(database)
	if err != nil || u.User == nil {
		return database
	}
	u.User = url.User(u.User.Username())
	return u.String()
}
