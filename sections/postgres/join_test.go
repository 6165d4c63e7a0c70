package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/internal/pgtest"
	"github.com/orgexport/orgexport/sections/postgres"
)

func join(t *testing.T, s *postgres.Source, of export.Snapshot) export.Snapshot {
	t.Helper()
	joined, err := s.JoinSnapshot(of.ID(), of.Moment())
	if err != nil {
		t.Fatal(err)
	}
	if joined.ID() != of.ID() || joined.Moment() != of.Moment() {
		t.Errorf("the snapshot is %s, %s", joined.ID(), joined.Moment())
	}
	return joined
}

// A process reads the snapshot that another one keeps, and its Check says what was of another
// moment.
func TestSnapshotIsJoined(t *testing.T) {
	address := pgtest.Database(t)
	exec(t, address, "CREATE TABLE t AS SELECT 1 AS a", "CREATE TABLE other AS SELECT 1 AS a")
	one, another := opened(t, address, "one"), opened(t, address, "another")
	held, err := one.OpenSnapshot(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close(t.Context())
	joined, again := join(t, another, held), join(t, another, held)
	read := at{another, held.ID()}
	exec(t, address, "INSERT INTO t VALUES (2)")
	if got, err := all(t.Context(), read, "SELECT count(*) FROM t"); err != nil || got[0] != "count=int64 1" || joined.Check(t.Context()) != nil {
		t.Errorf("the snapshot has %v, %v; Check gives %v", got, err, joined.Check(t.Context()))
	}
	exec(t, address, "TRUNCATE t")
	if _, err := all(t.Context(), read, "SELECT count(*) FROM other"); err != nil || joined.Check(t.Context()) != nil {
		t.Errorf("of a table that has not changed: %v, %v", err, joined.Check(t.Context()))
	}
	if got, err := all(t.Context(), read, "SELECT count(*) FROM t"); err != nil || got[0] != "count=int64 0" {
		t.Errorf("after a change: %v, %v", got, err) // the rows were read, and are not to be read again
	}
	for _, s := range []export.Snapshot{joined, again} {
		if err := s.Check(t.Context()); !errors.Is(err, export.ErrSnapshotLost) || !strings.Contains(err.Error(), `"t"`) {
			t.Errorf("Check gives %v", err)
		}
	}
	if err := held.Check(t.Context()); err != nil {
		t.Errorf("who has opened it has read nothing: %v", err)
	}
	if _, err := all(t.Context(), read, "SELECT 1"); !errors.Is(err, export.ErrSnapshotLost) {
		t.Errorf("a query after that gives %v", err)
	}
	joined.Close(t.Context())
	joined.Close(t.Context())
	if third := join(t, another, held); !errors.Is(third.Check(t.Context()), export.ErrSnapshotLost) {
		t.Error("it is forgotten while one uses it")
	} else {
		third.Close(t.Context())
	}
	again.Close(t.Context())
	if fourth := join(t, another, held); fourth.Check(t.Context()) != nil {
		t.Error("it is remembered though nobody uses it")
	}
}

// Who keeps a snapshot can join it, too, and either of both may be closed first.
func TestOwnSnapshotIsJoined(t *testing.T) {
	address := pgtest.Database(t)
	exec(t, address, "CREATE TABLE t AS SELECT 1 AS a")
	s := opened(t, address, "own")
	held, err := s.OpenSnapshot(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	joined := join(t, s, held)
	read := at{s, held.ID()}
	joined.Close(t.Context())
	exec(t, address, "TRUNCATE t")
	joined = join(t, s, held)
	if _, err := all(t.Context(), read, "SELECT * FROM t"); err != nil || joined.Check(t.Context()) == nil || held.Check(t.Context()) == nil {
		t.Errorf("%v; Check gives %v and %v", err, joined.Check(t.Context()), held.Check(t.Context()))
	}
	held.Close(t.Context())
	if joined.Check(t.Context()) == nil {
		t.Error("what was read is forgotten while one uses it")
	}
	joined.Close(t.Context())
	if _, err := all(t.Context(), read, "SELECT 1"); !errors.Is(err, export.ErrSnapshotLost) {
		t.Errorf("a snapshot that is closed gives %v", err)
	}
}

// A snapshot ends with who keeps it, however that ends.
func TestJoinedSnapshotIsLost(t *testing.T) {
	address := pgtest.Database(t)
	another := opened(t, address, "another")
	for name, end := range map[string]func(export.Snapshot){
		"closed": func(held export.Snapshot) { held.Close(t.Context()) },
		"killed": func(export.Snapshot) {
			exec(t, address, "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE state = 'idle in transaction' AND application_name = 'holder'")
		},
	} {
		t.Run(name, func(t *testing.T) {
			held, err := opened(t, address, "holder").OpenSnapshot(t.Context(), 0)
			if err != nil {
				t.Fatal(err)
			}
			defer held.Close(t.Context())
			joined := join(t, another, held)
			defer joined.Close(t.Context())
			if _, err := all(t.Context(), at{another, held.ID()}, "SELECT 1"); err != nil {
				t.Error(err)
			}
			end(held)
			if _, err := all(t.Context(), at{another, held.ID()}, "SELECT 1"); !errors.Is(err, export.ErrSnapshotLost) || export.MachineFault(err) != "" {
				t.Errorf("a query gives %v", err)
			}
			if err := joined.Check(t.Context()); err != nil { // nothing was read of another moment
				t.Error(err)
			}
		})
	}
	for _, id := range []string{"", "x", "'; DROP TABLE t; --", "0A0A0A0A-0B0B0B0B-1/"} {
		if _, err := another.JoinSnapshot(id, ""); !errors.Is(err, export.ErrSnapshotLost) {
			t.Errorf("%q gives %v", id, err)
		}
	}
}
