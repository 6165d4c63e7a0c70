package bunstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestMigrate(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		address := newAddress(t)
		s := open(t, address, Config{})
		if err := s.Check(t.Context()); !errors.Is(err, ErrOlderSchema) {
			t.Errorf("Check without tables gives %v, want ErrOlderSchema", err)
		}
		migrate(t, s)
		job := create(t, s)
		migrate(t, s)
		migrate(t, open(t, address, Config{}))
		if _, err := s.Get(t.Context(), "org", job.ID); err != nil {
			t.Errorf("after the second migration: %v", err)
		}
		if n := number(t, s, "SELECT count(*) FROM orgexport_schema"); n != int64(len(s.migrations)) {
			t.Errorf("%d migrations were noted, want %d", n, len(s.migrations))
		}
	})
}

// TestMigrateAllOrNothing has a migration that fails, and then does not.
func TestMigrateAllOrNothing(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		s := migrated(t, newAddress(t), Config{})
		create(t, s)
		released := s.migrations
		s.migrations = slices.Concat(released, []string{extra, "CREATE TABLE orgexport_other (id INTEGER); INSERT INTO nowhere VALUES (1)"})
		if err := s.Migrate(t.Context()); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("version %d", len(s.migrations))) {
			t.Errorf("Migrate gives %v, want it to name version %d", err, len(s.migrations))
		}
		if err := s.Check(t.Context()); !errors.Is(err, ErrOlderSchema) {
			t.Errorf("Check gives %v, want ErrOlderSchema", err)
		}
		s.migrations = released
		migrate(t, s)
		s.migrations = slices.Concat(released, []string{extra, "CREATE TABLE orgexport_other (id INTEGER)"})
		migrate(t, s)
		if _, err := s.Get(t.Context(), "org", "a"); err != nil {
			t.Error(err)
		}
	})
}

func TestNewerSchema(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		address := newAddress(t)
		s := migrated(t, address, Config{})
		s.migrations = append(s.migrations, extra)
		migrate(t, s)
		s.migrations = s.migrations[:len(s.migrations)-1]
		for call, err := range map[string]error{"Check": s.Check(t.Context()), "Migrate": s.Migrate(t.Context())} {
			if !errors.Is(err, ErrNewerSchema) {
				t.Errorf("%s gives %v, want ErrNewerSchema", call, err)
			}
		}
		if _, err := Open(t.Context(), address, Config{}); !errors.Is(err, ErrNewerSchema) {
			t.Errorf("Open gives %v, want ErrNewerSchema", err)
		}
		if n := number(t, s, "SELECT max(version) FROM orgexport_schema"); n != int64(len(s.migrations))+1 {
			t.Errorf("the schema has version %d, want %d", n, len(s.migrations)+1)
		}
	})
}

// TestMigrateTogether migrates one database from several processes at once.
func TestMigrateTogether(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		for range 3 {
			address := newAddress(t)
			var children []*process
			for range 4 {
				children = append(children, startChild(t, address, 0))
			}
			var wg sync.WaitGroup
			for _, p := range children {
				wg.Go(func() {
					said := p.run()
					if err := p.cmd.Wait(); err != nil || said != "done" {
						t.Errorf("a child says %q, %v: %s", said, err, p.stderr.String())
					}
				})
			}
			wg.Wait()
			s := openWithExtra(t, address)
			wantUsable(t, s)
		}
	})
}

// TestMigrateKilled kills a process that migrates, after each of its queries.
func TestMigrateKilled(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		before, after := 0, 0
		for stop := 1; ; stop++ {
			address := newAddress(t)
			p := startChild(t, address, stop)
			said := p.run()
			p.kill(t)
			if said == "done" {
				break
			}
			if said != "stopped" {
				t.Fatalf("after query %d the child says %q: %s", stop, said, p.stderr.String())
			}
			s := openWithExtra(t, address)
			switch err := s.Check(t.Context()); {
			case err == nil:
				after++
			case errors.Is(err, ErrOlderSchema):
				before++
			default:
				t.Fatalf("killed after query %d: Check gives %v", stop, err)
			}
			wantUsable(t, s)
			if t.Failed() {
				t.Fatalf("killed after query %d", stop)
			}
		}
		if before < 6 || after < 1 {
			t.Errorf("the kill came %d times before the end of the transaction and %d times after it: are queries still seen?", before, after)
		}
		t.Logf("killed %d times before the end of the transaction, %d times after it", before, after)
	})
}

// openWithExtra opens a database for which extra is not newer.
func openWithExtra(t *testing.T, address string) *Store {
	t.Helper()
	s, err := newWithExtra(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func newWithExtra(ctx context.Context, address string) (*Store, error) {
	db, _, err := openDB(ctx, address, Config{}, new(origin))
	if err != nil {
		return nil, err
	}
	s, err := New(db, Config{})
	if err != nil {
		return nil, err
	}
	s.owned = true
	s.migrations = append(s.migrations, extra)
	return s, nil
}

// wantUsable migrates a database, which must not wait for a process that was
// killed, and uses it.
func wantUsable(t *testing.T, s *Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.Migrate(ctx); err != nil {
		t.Errorf("Migrate: %v", err)
		return
	}
	if n := number(t, s, "SELECT count(*) FROM orgexport_schema"); n != int64(len(s.migrations)) {
		t.Errorf("%d migrations were noted, want %d", n, len(s.migrations))
	}
	if n := number(t, s, "SELECT count(*) FROM orgexport_extra"); n != 0 {
		t.Errorf("there are %d rows", n)
	}
	create(t, s)
}

// TestPrefix has two sets of tables in one database.
func TestPrefix(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		address := newAddress(t)
		one := migrated(t, address, Config{TablePrefix: "one_"})
		two := open(t, address, Config{TablePrefix: "two_"})
		if err := two.Check(t.Context()); !errors.Is(err, ErrOlderSchema) {
			t.Errorf("Check gives %v, want ErrOlderSchema", err)
		}
		migrate(t, two)
		create(t, one)
		create(t, two)
		query := "SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE 'one$_%' ESCAPE '$' AND name NOT LIKE 'two$_%' ESCAPE '$' AND name NOT LIKE 'sqlite$_%' ESCAPE '$'"
		if one.postgres {
			query = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname !~ '^(one|two)_'"
		}
		if n := number(t, one, query); n != 0 {
			t.Errorf("%d tables or indexes have another prefix", n)
		}
	})
}
