package bunstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/uptrace/bun"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
)

// TestGathering: what comes while a statement runs is run by the next one, in its order, and
// who gives up leaves the others alone.
func TestGathering(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ran [][]int
		told := 0
		g := gathering[int]{
			run: func(ctx context.Context, calls []int) error {
				time.Sleep(time.Second)
				if ran = append(ran, calls); calls[0] == 300 {
					return errors.New("number 300")
				}
				return ctx.Err()
			},
			after: func(_ context.Context, calls int) { told += calls },
		}
		impatient, cancel := context.WithCancel(t.Context())
		defer cancel()
		var all sync.WaitGroup
		failed := make([]error, 400)
		for i := range 400 {
			ctx := t.Context()
			if i%100 == 0 && i != 300 {
				ctx = impatient
			}
			all.Go(func() { failed[i] = g.do(ctx, i) })
			synctest.Wait()
			if i == 0 {
				cancel() // while its statement runs
				synctest.Wait()
			}
			if i == 299 {
				time.Sleep(3 * time.Second) // all have run
			}
		}
		all.Wait()
		synctest.Wait()
		sizes := []int{}
		for _, calls := range ran {
			sizes = append(sizes, len(calls))
		}
		if want := []int{1, gatherMost, 41, 1, 99}; !slices.Equal(sizes, want) {
			t.Errorf("statements ran for %v calls, want %v", sizes, want)
		}
		if told != 398 {
			t.Errorf("after was told of %d calls, want 398", told)
		}
		for i, err := range failed {
			switch {
			case i == 300 && err != nil && err.Error() == "number 300":
			case i < 300 && i%100 == 0 && errors.Is(err, context.Canceled):
			case i != 300 && i%100 != 0 && err == nil, i > 300 && err == nil:
			default:
				t.Errorf("call %d gives %v", i, err)
			}
		}
	})
}

// TestLookUpsTogether has many callers look for rows that are there and that are not: each
// gets its own.
func TestLookUpsTogether(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		s := migrated(t, newAddress(t), Config{})
		ids := []string{"a", `"`, "'", `\`, "1", "\u2028", "{}", "ä", "\x7f", "null", "?1", "%d"}
		for _, id := range ids {
			if err := s.CreateKey(t.Context(), access.Key{ID: id, Hash: sha256.Sum256([]byte(id)), CreatedAt: time.Now()}); err != nil {
				t.Fatal(err)
			}
			if err := s.PutMember(t.Context(), access.Member{OrganizationID: id, Subject: id + id, Role: "admin"}); err != nil {
				t.Fatal(err)
			}
		}
		var all sync.WaitGroup
		for n := range 300 {
			id := ids[n%len(ids)]
			all.Go(func() {
				if k, err := s.KeyByHash(t.Context(), sha256.Sum256([]byte(id))); err != nil || k.ID != id {
					t.Errorf("key of the hash of %q is %q, %v", id, k.ID, err)
				}
				if k, err := s.KeyByID(t.Context(), id); err != nil || k.Hash != sha256.Sum256([]byte(id)) {
					t.Errorf("key %q is %q, %v", id, k.ID, err)
				}
				if m, err := s.Member(t.Context(), id, id+id); err != nil || m.OrganizationID != id {
					t.Errorf("member of %q is %+v, %v", id, m, err)
				}
			})
			all.Go(func() {
				none := fmt.Sprint("none ", n)
				if _, err := s.KeyByHash(t.Context(), sha256.Sum256([]byte(none))); !errors.Is(err, access.ErrNotFound) {
					t.Errorf("a hash of no key gives %v", err)
				}
				if _, err := s.Member(t.Context(), id+id, id); !errors.Is(err, access.ErrNotFound) {
					t.Errorf("a member of another organization gives %v", err)
				}
				if _, err := s.Get(t.Context(), id, none); !errors.Is(err, export.ErrNotFound) {
					t.Errorf("a job that is not there gives %v", err)
				}
			})
		}
		all.Wait()
	})
}

// TestLookUpsUseIndexes asks the databases how they look up rows: none of the queries that a
// poll makes takes longer the more rows there are.
func TestLookUpsUseIndexes(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		s := migrated(t, newAddress(t), Config{})
		tx, err := s.db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback() //nolint:errcheck // nothing was written
		explain, scan := "EXPLAIN QUERY PLAN ", regexp.MustCompile("SCAN (job|key|member|session|old)")
		if s.postgres {
			// PostgreSQL reads a table of a few rows as a whole.
			if _, err := tx.ExecContext(t.Context(), "SET LOCAL enable_seqscan = off"); err != nil {
				t.Fatal(err)
			}
			explain, scan = "EXPLAIN ", regexp.MustCompile("Seq Scan on orgexport_")
		}
		for name, query := range map[string]string{
			"jobs": s.jobs.text, "keys by hash": s.keysByHash.text, "keys by id": s.keysByID.text,
			"members": s.members.text, "sessions": s.sessions.text, "job now": s.texts.jobNow, "count": s.texts.count,
		} {
			plan := planOf(t, tx, explain+query)
			if scan.MatchString(plan) || name != "count" && !regexp.MustCompile("(?i)using (covering )?index|index scan").MatchString(plan) {
				t.Errorf("%s without an index:\n%s", name, plan)
			}
		}
	})
}

// planOf returns how the database runs a query for an empty list.
func planOf(t *testing.T, tx bun.Tx, query string) (plan string) {
	t.Helper()
	rows, err := tx.QueryContext(t.Context(), strings.ReplaceAll(strings.ReplaceAll(query, "?1", "'[]'"), "$1", "'[]'"))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		plan += fmt.Sprint(*values[len(values)-1].(*any)) + "\n"
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan
}
