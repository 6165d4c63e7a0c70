package audit

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"
)

// RetryConfig is the configuration of a [Retry]. Log is required.
type RetryConfig struct {
	// Log gets the entries.
	Log Log

	// MaxWaiting is how many entries wait in memory at once. Defaults to 10,000, which take
	// a few megabytes.
	MaxWaiting int

	// Patience is how long an entry is tried again. Defaults to one hour.
	Patience time.Duration

	// Logger gets what goes wrong. Defaults to [slog.Default].
	Logger *slog.Logger
}

// Retry is a [Log] that tries again what cannot be recorded, so that an outage of what keeps
// the log leaves no gap in it. It is safe for concurrent use. Make it with [NewRetry].
//
// Entries that wait are lost if the process is killed. If only the answer of the log was lost,
// as in a time-out, a log that is a [Finder] is found to have the entry. Others have it twice, and so
// may all have one that is equal to another in all fields.
type Retry struct {
	config   RetryConfig
	flushing turns

	mu      sync.Mutex
	waiting []late        // oldest first
	held    int           // how many wait or are being tried again
	equal   map[Entry]int // how many of these are equal
	timer   *time.Timer
}

// late is an entry that could not be recorded yet.
type late struct {
	Entry
	until time.Time // when it is given up
	twin  bool      // an equal one waited before it
}

const (
	// retryEvery is how long entries wait before they are tried again.
	retryEvery = 5 * time.Second

	// retryTimeout bounds how long it takes to try them all.
	retryTimeout = 30 * time.Second
)

// NewRetry returns a Retry.
func NewRetry(c RetryConfig) *Retry {
	c.MaxWaiting = cmp.Or(c.MaxWaiting, 10_000)
	c.Patience = cmp.Or(c.Patience, time.Hour)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	return &Retry{config: c, flushing: newTurns(), equal: make(map[Entry]int)}
}

// Record implements [Log]. After an error the entry is neither recorded nor does it wait:
// ctx had ended before the call, or too many wait.
func (r *Retry) Record(ctx context.Context, e Entry) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	err := r.config.Log.Record(ctx, e)
	if err == nil || !r.keep(late{Entry: e, until: time.Now().Add(r.config.Patience)}) {
		return err
	}
	r.config.Logger.WarnContext(ctx, "not recorded in the audit log yet", "action", e.Action, "job", e.JobID, "error", err)
	return nil
}

// keep lets an entry wait, and reports whether there is room for it.
func (r *Retry) keep(e late) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held >= r.config.MaxWaiting {
		return false
	}
	r.held++
	e.twin = r.equal[e.Entry] > 0
	r.equal[e.Entry]++
	r.waiting = append(r.waiting, e)
	r.wait()
	return true
}

// wait lets entries be tried again after a while. The caller holds mu.
func (r *Retry) wait() {
	if r.timer == nil && len(r.waiting) > 0 {
		r.timer = time.AfterFunc(retryEvery, r.retry)
	}
}

// retry tries the entries that wait.
func (r *Retry) retry() {
	ctx, cancel := context.WithTimeout(context.Background(), retryTimeout) //nolint:forbidigo // it is no request's
	defer cancel()
	r.mu.Lock()
	r.timer = nil // it is over
	r.mu.Unlock()
	if err := r.Flush(ctx); err != nil {
		r.config.Logger.WarnContext(ctx, "not recorded in the audit log yet", "error", err)
	}
}

// Flush tries at once all entries that wait. Call it before the process ends, when nothing
// more is done that is recorded. If they are being tried already, it waits for the end of that.
// After an error those that could not be recorded wait again, except those that have waited for
// too long, which are given up and logged.
func (r *Retry) Flush(ctx context.Context) error {
	if err := r.flushing.take(ctx); err != nil {
		return err
	}
	defer r.flushing.give()
	var first error // the others' are most likely the same
	var failed []late
	defer func() { r.putBack(failed) }()
	for _, e := range r.take() {
		err := r.again(ctx, e)
		if err == nil {
			r.forget(e)
			continue
		}
		first = cmp.Or(first, err)
		if time.Now().Before(e.until) {
			failed = append(failed, e)
			continue
		}
		r.forget(e)
		r.config.Logger.ErrorContext(ctx, "never recorded in the audit log", "action", e.Action, "actor", e.Actor,
			"organization", e.OrganizationID, "job", e.JobID, "at", e.At, "error", err)
	}
	return first
}

// again records an entry unless the log has it. The log cannot tell a twin from the other, and
// one too many is better than one that is lost.
func (r *Retry) again(ctx context.Context, e late) error {
	if log, ok := r.config.Log.(Finder); ok && !e.twin {
		if has, err := log.Has(ctx, e.Entry); has || err != nil {
			return err
		}
	}
	return r.config.Log.Record(ctx, e.Entry)
}

// forget forgets an entry that waits no more.
func (r *Retry) forget(e late) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held--
	if r.equal[e.Entry]--; r.equal[e.Entry] <= 0 {
		delete(r.equal, e.Entry)
	}
}

// take returns the entries that wait, which keep their places.
func (r *Retry) take() []late {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.timer != nil {
		r.timer.Stop()
		r.timer = nil
	}
	taken := r.waiting
	r.waiting = nil
	return taken
}

// putBack lets those wait again that could not be recorded, before others that have come.
func (r *Retry) putBack(failed []late) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting = append(failed, r.waiting...)
	r.wait()
}
