package sections_test

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/sections"
)

func TestSQLOnPostgres(t *testing.T) {
	f := &fakeDB{
		columns: []string{"id", "price", "data", "day", "key", "at"},
		types:   []string{"UUID", "NUMERIC", "JSONB", "DATE", "BYTEA", "TIMESTAMPTZ"},
		rows: [][]driver.Value{{[]byte("6c84"), "00.10", []byte(`{"b": 1}`), time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), []byte{1},
			time.Date(2026, 1, 2, 3, 4, 5, 600, time.FixedZone("", 3600))}},
	}
	s := newSQL(t, sections.SQL{Key: "t", DB: f.open(t), Dialect: sections.Postgres, Files: []sections.RecordFile{
		{File: "t.json", SQL: "SELECT * FROM t WHERE o = :organization_id::text AND tags ? ':organization_id'"},
	}})
	r, err := recorded(t, s, acme)
	if err != nil {
		t.Fatal(err)
	}
	if f.query != "SELECT * FROM t WHERE o = $1::text AND tags ? ':organization_id'" || len(f.args) != 1 || f.args[0].Value != acme.Organization.ID {
		t.Errorf("query is %s with %v", f.query, f.args)
	}
	if f.begun != 1 || f.rolledBack != 1 || !strings.Contains(f.settings, "set_config('TimeZone', 'UTC', true)") {
		t.Errorf("%d transactions began, %d were rolled back, the settings are %s", f.begun, f.rolledBack, f.settings)
	}
	const want = `{"id":"6c84","price":0.10,"data":{"b":1},"day":"2026-01-02","key":"AQ==","at":"2026-01-02T02:04:05.0000006Z"}` + "\n"
	if got := rows(t, r, "t.json"); got != want {
		t.Errorf("record is %s want %s", got, want)
	}
}

// PostgreSQL knows results without columns.
func TestSQLWithoutColumns(t *testing.T) {
	s := newSQL(t, sections.SQL{Key: "t", DB: new(fakeDB).open(t), Dialect: sections.Postgres, Files: []sections.RecordFile{{File: "t.json", SQL: "SELECT FROM t", Shared: true}}})
	if _, err := recorded(t, s, acme); err == nil || !strings.Contains(err.Error(), "returns none") {
		t.Errorf("error is %v", err)
	}
}

// A transaction or connection of the caller keeps its settings.
func TestSQLOnPostgresOfTheCaller(t *testing.T) {
	f := &fakeDB{columns: []string{"id"}, types: []string{"TEXT"}, rows: [][]driver.Value{{"a"}}}
	db := f.open(t)
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	tx, err := conn.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []sections.Querier{conn, tx} {
		config := sections.SQL{Key: "t", DB: q, Dialect: sections.Postgres, Files: []sections.RecordFile{{File: "t.json", SQL: "SELECT id", Shared: true}}}
		if _, err := recorded(t, newSQL(t, config), acme); err != nil || f.begun != 1 || f.rolledBack != 0 || f.settings != "" {
			t.Errorf("%T: %v, %d transactions began, %d were rolled back, the settings are %s", q, err, f.begun, f.rolledBack, f.settings)
		}
	}
	if err := tx.Rollback(); err != nil {
		t.Error(err)
	}
}

// No rows are open while a file is copied, and all files are copied that were read before
// the query failed.
func TestSQLAssetsHoldNoConnection(t *testing.T) {
	oops := errors.New("connection lost")
	f := &fakeDB{columns: []string{"file"}, types: []string{"TEXT"}, rows: [][]driver.Value{{"img/nut.png"}, {"img/bolt.png"}}, rowsErr: oops}
	db := f.open(t)
	idle := fsFunc(func(name string) (fs.File, error) {
		if n := db.Stats().InUse; n > 0 || f.begun != f.rolledBack {
			t.Errorf("%d connections are in use while %s is copied, %d transactions are open", n, name, f.begun-f.rolledBack)
		}
		return images.Open(name)
	})
	r, err := recorded(t, newSQL(t, sections.SQL{Key: "t", DB: db, Dialect: sections.Postgres, Scratch: t.TempDir(), Assets: []sections.AssetFiles{
		{FS: idle, Source: "{{.file}}", File: "{{base .file}}", SQL: "SELECT file", Shared: true},
	}}), acme)
	if !errors.Is(err, oops) {
		t.Errorf("error is %v", err)
	}
	for _, name := range []string{"nut.png", "bolt.png"} {
		if _, ok := r.Find(name); !ok {
			t.Errorf("%s is missing", name)
		}
	}
}

type fsFunc func(name string) (fs.File, error)

func (f fsFunc) Open(name string) (fs.File, error) { return f(name) }
