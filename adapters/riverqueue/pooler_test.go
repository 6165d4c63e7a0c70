//go:build unix

package riverqueue_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/adapters/riverqueue"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/internal/pgtest"
)

// TestPooler: a queue behind a pooler of transactions says that it hears of nothing, listens
// to nothing, and runs tasks all the same. Behind one of sessions it hears.
func TestPooler(t *testing.T) {
	t.Parallel()
	for mode, hears := range map[string]bool{"session": true, "transaction": false} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			q, direct := migrated(t, riverqueue.Config{})
			address := pgtest.Pooler(t, direct, mode)
			var said log
			behind := newQueue(t, address, riverqueue.Config{
				DB: open(t, address+"&default_query_exec_mode=cache_describe"), Logger: slog.New(slog.NewTextHandler(&said, nil)),
			})
			ran, heard := make(chan string, 10), make(chan string, 10)
			stop := start(t, behind, func(_ context.Context, task jobs.Task) error {
				ran <- task.JobID
				return nil
			})
			listening, end := context.WithCancel(t.Context())
			listened := make(chan error, 1)
			go func() { listened <- behind.Listen(listening, func(jobID string) { heard <- jobID }) }()
			dispatch(t, q, "first")
			receive(t, ran, "the first task")
			wantNotified(t, direct, q, hears, heard)
			dispatch(t, behind, "second")
			receive(t, ran, "the second task") // the pooler is still there
			end()
			if err := <-listened; err != nil {
				t.Error(err)
			}
			if err := stop(nil); err != nil {
				t.Error(err)
			}
			text := said.String()
			if n := strings.Count(text, "\n"); n > 1 || (n == 1) == hears || (n == 1) != strings.Contains(text, "as behind a pooler of transactions") {
				t.Errorf("hears: %v, and says\n%s", hears, text)
			}
		})
	}
}

// wantNotified cancels a job and looks who hears of it.
func wantNotified(t *testing.T, direct string, q *riverqueue.Queue, hears bool, heard <-chan string) {
	t.Helper()
	const listeners = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'"
	if !hears {
		if n := number(t, open(t, direct), listeners); n != 0 {
			t.Errorf("%d connections have listened", n)
		}
		if err := q.Cancel(t.Context(), "job"); err != nil {
			t.Error(err)
		}
		return
	}
	eventually(t, open(t, direct), 1, listeners+" AND query LIKE '%cancelled%'")
	if err := q.Cancel(t.Context(), "job"); err != nil {
		t.Error(err)
	}
	if job := receive(t, heard, "the cancelled job"); job != "job" {
		t.Errorf("heard of %q", job)
	}
}
