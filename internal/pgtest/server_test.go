package pgtest_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orgexport/orgexport/internal/pgtest"
)

func TestServer(t *testing.T) {
	s := pgtest.NewServer(t)
	before := connect(t, s.URL())
	if _, err := before.Exec(t.Context(), "CREATE TABLE things AS SELECT 1 AS id"); err != nil {
		t.Fatal(err)
	}
	started := postmaster(t, before)
	s.Restart(t)
	after := connect(t, s.URL())
	if now := postmaster(t, after); !now.After(started) {
		t.Errorf("the server that was started at %v was not restarted", now)
	}
	var things int
	if err := after.QueryRow(t.Context(), "SELECT count(*) FROM things").Scan(&things); err != nil || things != 1 {
		t.Errorf("%d things after a restart, %v", things, err)
	}
	if err := before.Ping(t.Context()); err == nil {
		t.Error("a connection has outlived its server")
	}
}

func postmaster(t *testing.T, conn *pgx.Conn) time.Time {
	t.Helper()
	var started time.Time
	if err := conn.QueryRow(t.Context(), "SELECT pg_postmaster_start_time()").Scan(&started); err != nil {
		t.Fatal(err)
	}
	return started
}
