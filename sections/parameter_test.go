package sections_test

import (
	"database/sql/driver"
	"errors"
	"testing"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/sections"
)

// Each parameter has the form of its name.
func TestParameters(t *testing.T) {
	const query = "SELECT a FROM t WHERE a = :organization_id AND b = :organization_uuid AND c = :organization_number"
	files := []sections.RecordFile{{File: "t.json", SQL: query}}
	f := &fakeDB{columns: []string{"a"}, types: []string{"TEXT"}, rows: [][]driver.Value{{"a"}}}
	scope := export.Scope{Organization: export.Organization{ID: export.EncodeNumber(42)}}
	if _, err := recorded(t, newSQL(t, sections.SQL{Key: "t", DB: f.open(t), Dialect: sections.Postgres, Files: files}), scope); err != nil {
		t.Fatal(err)
	}
	if f.query != "SELECT a FROM t WHERE a = $1 AND b = $2 AND c = ($3::pg_catalog.int8)" {
		t.Errorf("query is %s", f.query)
	}
	for i, want := range []any{"MqFdnSYGNHaVgU8NhsurzX", "6f726765-7870-8000-8000-00000000002a", int64(42)} {
		if f.args[i].Value != want {
			t.Errorf("parameter %d is %v, want %v", i+1, f.args[i].Value, want)
		}
	}
}

// An id that has no such form is that of no organization, and never reaches the database.
func TestParametersOfNothing(t *testing.T) {
	for parameter, ids := range map[string][]string{
		"organization_uuid":   {"zzzzzzzzzzzzzzzzzzzzzz", "o1", "", "6f726765-7870-8000-8000-00000000002a"},
		"organization_number": {"zzzzzzzzzzzzzzzzzzzzzz", "CXc85b4rqinB7s5J52TRYb", "42"},
	} {
		for _, id := range ids {
			f := &fakeDB{columns: []string{"a"}, types: []string{"TEXT"}}
			s := newSQL(t, sections.SQL{Key: "t", DB: f.open(t), Files: []sections.RecordFile{{File: "t.json", SQL: "SELECT a FROM t WHERE a = :" + parameter}}})
			_, err := recorded(t, s, export.Scope{Organization: export.Organization{ID: id}})
			if !errors.Is(err, export.ErrNotFound) || f.query != "" {
				t.Errorf("%s of %q gives %v, the query is %q", parameter, id, err, f.query)
			}
		}
	}
}
