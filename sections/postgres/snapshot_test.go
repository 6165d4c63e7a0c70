package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/archive/archivetest"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/exporttest"
	"github.com/orgexport/orgexport/internal/pgtest"
	"github.com/orgexport/orgexport/sections"
	"github.com/orgexport/orgexport/sections/postgres"
)

var _ sections.Snapshotter = (*postgres.Source)(nil)

// money is in two tables, and 1,000 in all, whoever moves it from one to the other.
var money = []string{"CREATE TABLE here (amount int)", "CREATE TABLE there (amount int)", "INSERT INTO here VALUES (1000)", "INSERT INTO there VALUES (0)"}

// moving moves money all the time until stop is called, which returns how often it did.
func moving(t *testing.T, address string) (stop func() int) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	enough := make(chan struct{})
	var moves int
	var writer sync.WaitGroup
	moved := make(chan struct{})
	writer.Go(func() {
		defer func() { _ = c.Close(context.WithoutCancel(t.Context())) }()
		for {
			select {
			case <-enough:
				return
			default:
			}
			if _, err := c.Exec(t.Context(), "BEGIN; UPDATE here SET amount = amount - 1; UPDATE there SET amount = amount + 1; COMMIT"); err != nil {
				t.Error(err)
				return
			}
			if moves++; moves == 1 {
				close(moved)
			}
		}
	})
	<-moved
	return func() int {
		close(enough)
		writer.Wait()
		return moves
	}
}

// moneySections read each of the tables n times by two queries, each of which takes a while.
func moneySections(t *testing.T, s *postgres.Source, n int) (made []export.Section) {
	t.Helper()
	for i := range n {
		for _, table := range []string{"here", "there"} {
			c := sections.SQL{Key: fmt.Sprint(table, "_", i), Source: s, Dialect: sections.Postgres}
			for _, name := range []string{"first.json", "second.json"} {
				c.Files = append(c.Files, sections.RecordFile{File: name, Shared: true, SQL: "SELECT amount, pg_sleep(0.03)::text AS slept FROM " + table})
			}
			section, err := sections.NewSQL(c)
			if err != nil {
				t.Fatal(err)
			}
			made = append(made, section)
		}
	}
	return made
}

func moneyEngine(t *testing.T, s *postgres.Source, n, concurrency int, level export.ConsistencyLevel) *export.Engine {
	t.Helper()
	e, err := export.New(export.Config{
		Sections: moneySections(t, s, n), Consistency: level, RerunDelay: time.Millisecond, Concurrency: concurrency, Scratch: t.TempDir(), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// counted exports and returns which amounts the archive has of each table, and whether it says
// that it is consistent.
func counted(ctx context.Context, t *testing.T, e *export.Engine, observe func(export.Event)) (here, there map[string]int, consistent bool, err error) {
	t.Helper()
	var b bytes.Buffer
	_, err = e.Export(ctx, export.Request{
		Organization: export.Organization{ID: "aQUEktNMu3Fe65ax6FSWEb", Slug: "acme"}, JobID: export.NewID(), AsOf: time.Unix(1e9, 0), Format: archive.Zip(), Observe: observe,
	}, &b)
	if err != nil {
		return nil, nil, false, err
	}
	here, there = make(map[string]int), make(map[string]int)
	for name, content := range archivetest.Unpack(t, "zip", b.Bytes()) {
		amount, _, _ := strings.Cut(strings.TrimPrefix(content, `[`+"\n"+`{"amount":`), ",")
		switch {
		case strings.Contains(name, "/here_"):
			here[amount]++
		case strings.Contains(name, "/there_"):
			there[amount]++
		case strings.HasSuffix(name, "/manifest.yaml"):
			m, err := export.ParseManifest([]byte(content))
			if err != nil {
				t.Error(err)
			}
			consistent = m.Consistency.Consistent
			for _, s := range m.Sections {
				if s.Status != export.StatusOK {
					t.Errorf("section %+v", s)
				}
			}
		}
	}
	return here, there, consistent, nil
}

// ofOneMoment tells whether all amounts are of one moment.
func ofOneMoment(here, there map[string]int) bool {
	if len(here) != 1 || len(there) != 1 {
		return false
	}
	sum := 0
	for _, amounts := range []map[string]int{here, there} {
		for amount := range amounts {
			var n int
			if _, err := fmt.Sscan(amount, &n); err != nil {
				return false
			}
			sum += n
		}
	}
	return sum == 1000
}

// A writer changes two tables in step all through the export.
func TestSnapshotOfAllSections(t *testing.T) {
	direct := pgtest.Database(t)
	exec(t, direct, money...)
	for _, c := range []struct {
		name, address string
		level         export.ConsistencyLevel
		want          bool
	}{
		{"best", direct, "", true},
		{"required", direct, export.ConsistencyRequired, true},
		{"off", direct, export.ConsistencyOff, false}, // so the test can fail
		{"two connections", direct + "&pool_max_conns=2", export.ConsistencyRequired, true},
		{"one connection", direct + "&pool_max_conns=1", "", false},
		{"pooler of transactions", "transaction", export.ConsistencyRequired, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			address := c.address
			if address == "transaction" {
				address = pgtest.Pooler(t, direct, address)
			}
			e := moneyEngine(t, opened(t, address, "exporting"), 4, 3, c.level)
			stop := moving(t, direct)
			here, there, consistent, err := counted(t.Context(), t, e, nil)
			moves := stop()
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d moves; here %v, there %v", moves, here, there)
			if got := ofOneMoment(here, there); got != c.want || consistent != c.want {
				t.Errorf("of one moment: %v, says the manifest: %v, want %v; here %v, there %v", got, consistent, c.want, here, there)
			}
			if moves < 20 {
				t.Errorf("money was moved %d times", moves)
			}
		})
	}
}

// The connection that keeps the snapshot is ended while sections run.
func TestSnapshotHolderIsKilled(t *testing.T) {
	address := pgtest.Database(t)
	exec(t, address, money...)
	for _, level := range []export.ConsistencyLevel{export.ConsistencyBest, export.ConsistencyRequired} {
		t.Run(string(level), func(t *testing.T) {
			application := "killed " + string(level)
			s := opened(t, address, application)
			stop := moving(t, address)
			defer stop()
			finished := 0
			here, there, consistent, err := counted(t.Context(), t, moneyEngine(t, s, 4, 3, level), func(e export.Event) {
				if e.Kind != export.SectionFinished {
					return
				}
				if finished++; finished == 2 {
					exec(t, address, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction' AND application_name = '"+application+"'")
				}
			})
			if level == export.ConsistencyRequired {
				inconsistent, ok := errors.AsType[*export.ConsistencyError](err)
				if !ok || inconsistent.Final || !errors.Is(err, export.ErrSnapshotLost) {
					t.Errorf("error is %v", err)
				}
				return
			}
			if err != nil || consistent || ofOneMoment(here, there) {
				t.Errorf("here %v, there %v, consistent %v, %v", here, there, consistent, err)
			}
		})
	}
}

// Ten exports want a snapshot each, and there are three connections in all: one at a time has
// one, and none waits for ever.
func TestSnapshotsDoNotStarve(t *testing.T) {
	address := pgtest.Database(t)
	exec(t, address, money...)
	s := opened(t, address+"&pool_max_conns=3", "crowd")
	stop := moving(t, address)
	defer stop()
	var all sync.WaitGroup
	for range 10 {
		e := moneyEngine(t, s, 1, 3, export.ConsistencyRequired)
		all.Go(func() {
			here, there, consistent, err := counted(t.Context(), t, e, nil)
			if err != nil || !consistent || !ofOneMoment(here, there) {
				t.Errorf("here %v, there %v, consistent %v, %v", here, there, consistent, err)
			}
		})
	}
	all.Wait()
	if s.Waits() == 0 {
		t.Error("nobody has waited")
	}
}

func TestSnapshotIDs(t *testing.T) {
	address := pgtest.Database(t)
	exec(t, address, "CREATE TABLE t AS SELECT 1 AS a")
	s := opened(t, address+"&pool_max_conns=4", "ids")
	first, err := s.OpenSnapshot(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.OpenSnapshot(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if first.ID() == second.ID() {
		t.Errorf("two snapshots are named %s", first.ID())
	}
	name, moment, _ := strings.Cut(first.ID(), "/")
	other := strings.Repeat("0", 64)
	read := func(id string) error {
		_, err := all(t.Context(), at{s, id}, "SELECT * FROM t")
		return err
	}
	for id, want := range map[string]error{
		first.ID():                     nil,
		name + "/" + other:             export.ErrSnapshotLost, // as after a restart of the server
		name + "/" + moment[:63]:       export.ErrSnapshotLost,
		"0A0A0A0A-0B0B0B0B-1/" + other: export.ErrSnapshotLost,
		"'; DROP TABLE t; --":          export.ErrSnapshotLost,
		"":                             export.ErrSnapshotLost,
	} {
		if err := read(id); !errors.Is(err, want) {
			t.Errorf("%q gives %v, want %v", id, err, want)
		}
	}
	exec(t, address, "INSERT INTO t VALUES (2)")
	if got, err := all(t.Context(), at{s, second.ID()}, "SELECT count(*) FROM t"); err != nil || got[0] != "count=int64 1" {
		t.Errorf("the snapshot has %v, %v", got, err)
	}
	if got, err := all(t.Context(), s, "SELECT count(*) FROM t"); err != nil || got[0] != "count=int64 2" {
		t.Errorf("the table has %v, %v", got, err)
	}
	first.Close(t.Context())
	first.Close(t.Context())
	if err := read(first.ID()); !errors.Is(err, export.ErrSnapshotLost) || export.MachineFault(err) != "" {
		t.Errorf("a closed snapshot gives %v", err)
	}
	second.Close(t.Context())
	third, err := s.OpenSnapshot(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close(t.Context())
	if third.Moment() == first.Moment() {
		t.Error("other data is of the same moment")
	}
}

// A role ends its idle transactions soon; those that keep a snapshot are to last.
func TestSnapshotOutlivesLimitsOfTheRole(t *testing.T) {
	server := pgtest.NewServer(t).URL()
	exec(t, server, "CREATE ROLE keeper", "ALTER ROLE keeper SET idle_in_transaction_session_timeout = '100ms'")
	s := opened(t, as(t, server, "keeper"), "keeper")
	kept, err := s.OpenSnapshot(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close(t.Context())
	if _, err := all(t.Context(), s, "SELECT pg_sleep(0.4)::text AS slept"); err != nil {
		t.Fatal(err)
	}
	if _, err := all(t.Context(), at{s, kept.ID()}, "SELECT 1"); err != nil {
		t.Errorf("after four times the limit: %v", err)
	}
	exec(t, server, "REVOKE SELECT ON pg_locks FROM PUBLIC") // so that nobody knows what was read
	if _, err := all(t.Context(), at{s, kept.ID()}, "SELECT 1"); err != nil || !errors.Is(kept.Check(t.Context()), export.ErrSnapshotLost) {
		t.Errorf("%v; without the right to look at locks Check gives %v", err, kept.Check(t.Context()))
	}
	exec(t, server, "REVOKE EXECUTE ON FUNCTION pg_export_snapshot() FROM PUBLIC")
	if _, err := s.OpenSnapshot(t.Context(), 0); err == nil || export.MachineFault(err) != "" {
		t.Errorf("without the right: %v", err)
	}
}

// A standby server names no transactions that are in flight: at two moments of other data it may
// tell the same of them.
func TestMomentsOfAStandbyDiffer(t *testing.T) {
	server := pgtest.NewServer(t)
	exec(t, server.URL(), "CREATE TABLE t AS SELECT 1 AS a", "COPY (SELECT 1) TO PROGRAM 'cat > standby.signal'")
	server.Restart(t)
	s := opened(t, server.URL(), "standby")
	var moments []string
	for range 2 {
		held, err := s.OpenSnapshot(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := all(t.Context(), at{s, held.ID()}, "SELECT a, pg_is_in_recovery()::text AS standby FROM t"); err != nil || got[0] != "a=int64 1, standby=string true" {
			t.Errorf("the snapshot has %v, %v", got, err)
		}
		if err := held.Check(t.Context()); err != nil {
			t.Error(err)
		}
		moments = append(moments, held.Moment())
		held.Close(t.Context())
	}
	if moments[0] == moments[1] {
		t.Error("two moments of a standby are taken for the same")
	}
}

// at is a Source whose queries read a snapshot.
type at struct {
	*postgres.Source
	id string
}

func (s at) Query(ctx context.Context, statement string, args []any, read func([]string, iter.Seq2[[]any, error]) error) error {
	return s.QueryAt(ctx, s.id, statement, args, read)
}

func TestSnapshotPromises(t *testing.T) {
	address := pgtest.Database(t)
	exec(t, address, money...)
	s := opened(t, address+"&pool_max_conns=5", "promises") // two snapshots at once, so that others wait
	exporttest.RunSnapshots(t, func(t *testing.T) exporttest.SnapshotBed {
		return exporttest.SnapshotBed{
			Snapshots: s,
			Read: func(ctx context.Context, id string) (string, error) {
				rows, err := all(ctx, at{s, id}, "SELECT * FROM here")
				return strings.Join(rows, "\n"), err
			},
			Write: func(context.Context) error {
				exec(t, address, "UPDATE here SET amount = amount - 1")
				return nil
			},
		}
	})
}
