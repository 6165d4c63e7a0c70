package bunstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"
)

// retry calls do, and after a pause again, for as long as do fails and again reports
// true of the error. It returns do's last error, or ctx's cause if ctx ends during a
// pause.
func retry(ctx context.Context, again func(error) bool, do func() error) error {
	for try := 0; ; try++ {
		err := do()
		if err == nil || !again(err) {
			return err
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
}

// isBusy reports whether SQLite gave up waiting for another writer.
func isBusy(err error) bool {
	const busy = 5 // SQLITE_BUSY; the higher bits say why
	var coded interface{ Code() int }
	return errors.As(err, &coded) && coded.Code()&0xff == busy
}

// lostRace reports whether PostgreSQL undid a transaction in favour of another one:
// serialization failure or deadlock.
func lostRace(err error) bool { return hasState(err, "40001", "40P01") }

// hasState reports whether PostgreSQL returned one of these codes.
func hasState(err error, states ...string) bool {
	var coded interface{ SQLState() string }
	return errors.As(err, &coded) && slices.Contains(states, coded.SQLState())
}

// pause waits before the next try, for a random time: two that raced do not race
// again at once. It waits up to 2 ms after the first try (number 0), twice as long
// after each further one, and up to 64 ms from the sixth on.
func pause(ctx context.Context, try int) error {
	timer := time.NewTimer(rand.N(2 * time.Millisecond << min(try, 5)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
