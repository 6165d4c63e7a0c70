package sqlite_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/sections"
)

func TestDescribe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	write(t, path, "CREATE TABLE a (id TEXT, n INT); INSERT INTO a VALUES ('x', 1)")
	s := opened(t, path)
	for _, c := range []struct {
		statement string
		columns   []string
		err       string
	}{
		{"SELECT id, n AS number FROM a WHERE id = ?1", []string{"id", "number"}, ""},
		{"SELECT * FROM b WHERE id = ?1", nil, "no such table: b"},
		{"SELECT m FROM a WHERE id = ?1", nil, "no such column: m"},
		{"SELCT ?1", nil, `near "SELCT": syntax error`},
		{"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c) SELECT max(n) AS n FROM c WHERE ?1 <> ''", []string{"n"}, ""}, // never ends
		{"DELETE FROM a WHERE id = ?1", nil, "the statement returns no columns"},
		{"DELETE FROM a WHERE id = ?1 RETURNING id", nil, "the statement writes"},
		{"SELECT 1", nil, "the statement has 0 parameters, not 1"},
	} {
		columns, err := s.Describe(t.Context(), c.statement, []any{"x"})
		if !slices.Equal(columns, c.columns) || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %q, %v, want %q, %q", c.statement, columns, err, c.columns, c.err)
		}
	}
	ended, end := context.WithCancelCause(t.Context())
	cause := errors.New("ended")
	end(cause)
	if _, err := s.Describe(ended, "SELECT 1", nil); !errors.Is(err, cause) {
		t.Errorf("error is %v, want %v", err, cause)
	}
}

// TestCheck finds all that is wrong with a section, and where.
func TestCheck(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	write(t, path, "CREATE TABLE a (org TEXT, id TEXT, tags TEXT)")
	const where = " FROM a WHERE org = :organization_id"
	config := sections.SQL{
		Key: "key", Source: opened(t, path),
		Files: []sections.RecordFile{
			{File: "fine.csv", SQL: "SELECT *" + where, JSON: []string{"tags"}},
			{File: "broken.csv", SQL: "SELECT missing" + where},
			{File: "{{.id}}-{{.di}}.yaml", Each: true, SQL: "SELECT *, 1 AS id" + where, JSON: []string{"id", "tgas"}},
		},
		Assets: []sections.AssetFiles{{FS: fstest.MapFS{}, Source: "{{.file}}", File: "{{.id}}{{with .name}}{{.}}{{end}}", SQL: "SELECT id" + where}},
	}
	section, err := sections.NewSQL(config)
	if err != nil {
		t.Fatal(err)
	}
	want := `sections: key: Files[1].SQL sqlite: no such column: missing (1)
sections: key: Files[2].SQL returns two columns "id"; name one with AS
sections: key: Files[2].JSON the query returns no column "tgas"; it returns org, id, tags, id
sections: key: Files[2].File the query returns no column "di"; it returns org, id, tags, id
sections: key: Assets[0].Source the query returns no column "file"; it returns id
sections: key: Assets[0].File the query returns no column "name"; it returns id`
	err = sections.Check(t.Context(), section)
	if err == nil || err.Error() != want {
		t.Errorf("problems are\n%v\nwant\n%s", err, want)
	}
	if _, ok := errors.AsType[*sections.FieldError](err); !ok {
		t.Errorf("%T has no FieldError", err)
	}
	config.Files, config.Assets = config.Files[:1], nil
	if section, err = sections.NewSQL(config); err != nil {
		t.Fatal(err)
	}
	if err := sections.Check(t.Context(), section); err != nil {
		t.Error(err)
	}
	write(t, path, "DROP TABLE a")
	if err := sections.Check(t.Context(), section); err == nil || !strings.Contains(err.Error(), "no such table: a") {
		t.Errorf("without the table the problem is %v", err)
	}
	ended, end := context.WithCancelCause(t.Context())
	cause := errors.New("ended")
	end(cause)
	if err := sections.Check(ended, section); err != cause { //nolint:errorlint // it is that alone
		t.Errorf("error is %v, want %v", err, cause)
	}
	other := sections.New("key", func(context.Context, export.Scope, export.Sink) error { panic("run") })
	if err := sections.Check(t.Context(), other); err != nil {
		t.Errorf("another section has the problem %v", err)
	}
}
