//go:build unix

package cli_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/orgexport/orgexport/internal/pgtest"
)

const moneySchema = `
CREATE TABLE organizations (id text PRIMARY KEY, slug text, name text);
INSERT INTO organizations VALUES ('` + acme + `', 'acme-foods', 'Acme Foods');
CREATE TABLE here AS SELECT 1000 AS amount;
CREATE TABLE there AS SELECT 0 AS amount;
CREATE TABLE gate AS SELECT true AS closed;
`

const moneyConfig = `source: {database: "postgres://in.the.environment/x", consistency: LEVEL}
scratch: .
organization: {sql: "SELECT id, slug, name FROM organizations WHERE id = :organization_id"}
sections:
  - key: here
    records:
      - {file: here.json, shared: true, sql: "SELECT amount FROM here"}
  - key: there
    records:
      - {file: there.json, shared: true, sql: "SELECT amount FROM there"}
  - key: gate
    records:
      - {file: gate.json, shared: true, sql: "SELECT pg_sleep(3600)::text AS slept FROM gate WHERE closed"}
`

// TestServeKilledAtAnotherMoment: a server is killed when two of three sections are sealed, and
// money is moved before the next one takes the export over.
func TestServeKilledAtAnotherMoment(t *testing.T) {
	t.Parallel()
	for level, want := range map[string]struct{ here, there, consistent string }{
		"best":     {"1000", "0", "consistent: false"},
		"required": {"999", "1", "consistent: true"},
	} {
		t.Run(level, func(t *testing.T) {
			t.Parallel()
			address, dir, d := pgtest.Database(t), t.TempDir(), inSQLite(t)
			statements(t, address, moneySchema)
			d.sourceEnv = "ORGEXPORT_SOURCE_DATABASE=" + address
			write(t, filepath.Join(dir, "exportd.yaml"), strings.Replace(moneyConfig, "LEVEL", level, 1))
			s := d.serve(t, dir)
			key := d.newKey(t, dir, "--organization", acme)
			job := s.request(t, key)
			s.until(t, key, job, "sealed", sealed)
			if code := s.signal(t, syscall.SIGKILL); code != -1 {
				t.Fatalf("it ended with status %d", code)
			}
			statements(t, address, "UPDATE here SET amount = amount - 1", "UPDATE there SET amount = amount + 1", "UPDATE gate SET closed = false")
			s = d.serve(t, dir)
			files := s.download(t, s.until(t, key, job, "ended", ended))
			manifest := files["manifest.yaml"]
			if !strings.Contains(files["here/here.json"], `"amount":`+want.here+"}") || !strings.Contains(files["there/there.json"], `"amount":`+want.there+"}") ||
				!strings.Contains(manifest, want.consistent) || strings.Contains(manifest, "read_at:") != (level == "best") {
				t.Errorf("%s%s%s", files["here/here.json"], files["there/there.json"], manifest)
			}
			s.stop(t)
		})
	}
}
