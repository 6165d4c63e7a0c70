package riverqueue_test

import (
	"context"
	"testing"

	"github.com/orgexport/orgexport/adapters/riverqueue"
)

// TestListenAgain cuts the connection that hears of cancelled jobs.
func TestListenAgain(t *testing.T) {
	t.Parallel()
	q, address := migrated(t, riverqueue.Config{})
	db := open(t, address)
	ctx, stop := context.WithCancel(t.Context())
	heard := make(chan string, 10)
	ended := make(chan error, 1)
	go func() { ended <- q.Listen(ctx, func(jobID string) { heard <- jobID }) }()
	const listener = "FROM pg_stat_activity WHERE datname = current_database() AND query = 'LISTEN orgexport_cancelled'"
	for _, job := range []string{"before", "after"} {
		eventually(t, db, 1, "SELECT count(*) "+listener)
		if err := newQueue(t, address, riverqueue.Config{}).Cancel(ctx, job); err != nil {
			t.Fatal(err)
		}
		if got := receive(t, heard, job); got != job {
			t.Errorf("heard of %s, want %s", got, job)
		}
		if n := number(t, db, "SELECT count(pg_terminate_backend(pid)) "+listener); n != 1 {
			t.Fatalf("%d connections listened", n)
		}
		eventually(t, db, 0, "SELECT count(*) "+listener)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("Listen ends with %v", err)
	}
	deaf, err := riverqueue.New(riverqueue.Config{DB: db})
	if err != nil {
		t.Fatal(err)
	}
	if err := deaf.Listen(t.Context(), nil); err != nil {
		t.Errorf("Listen without a URL: %v", err)
	}
}
