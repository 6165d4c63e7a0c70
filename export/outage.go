package export

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// ErrUnavailable is matched by every [*OutageError]: something that exports need cannot be
// used for now, such as a database that is down or full. To repeat the call later helps, or
// an operator has to.
var ErrUnavailable = errors.New("export: not available for now")

// Outage is the kind of an outage.
type Outage string

// The kinds of outages.
const (
	OutageConnection Outage = "no connection"        // it cannot be reached, or has broken off
	OutageCrowded    Outage = "too many connections" // all are in use
	OutageBusy       Outage = "busy"                 // it did not answer in time
	OutageReadOnly   Outage = "read-only"            // it cannot be written
	OutageFull       Outage = "disk full"            // no space is left to write
	OutageIO         Outage = "input or output error"
	OutageDamaged    Outage = "damaged"
	OutageGone       Outage = "gone" // it was removed, or another is in its place
)

// OutageError is an error of an outage. It matches [ErrUnavailable].
type OutageError struct {
	What string // what cannot be used, such as "the jobs database"
	Kind Outage
	Err  error // the cause, which is for the log only
}

func (e *OutageError) Error() string { return fmt.Sprintf("%s: %s: %v", e.What, e.Kind, e.Err) }

// Unwrap returns [ErrUnavailable] and the cause.
func (e *OutageError) Unwrap() []error { return []error{ErrUnavailable, e.Err} }

// OutageOf returns the kind of the outage that err is of. It is empty if err is of none.
func OutageOf(err error) Outage {
	if outage, ok := errors.AsType[*OutageError](err); ok {
		return outage.Kind
	}
	return ""
}

// outageEvery is how often an outage is logged.
const outageEvery = time.Minute

// QuietOutages returns a logger that writes of outages once a minute for each kind and what
// is out, however many requests fail for it. The next line says how many lines were left
// out. A record is of an outage if it has an attribute that is an error of one. Everything
// else goes to logger as it is.
func QuietOutages(logger *slog.Logger) *slog.Logger {
	if _, ok := logger.Handler().(quietHandler); ok {
		return logger
	}
	return slog.New(quietHandler{logger.Handler(), &outages{seen: make(map[outageKey]outageSeen)}})
}

type quietHandler struct {
	slog.Handler
	outages *outages
}

// Handle implements [slog.Handler].
func (h quietHandler) Handle(ctx context.Context, r slog.Record) error {
	var key outageKey
	r.Attrs(func(a slog.Attr) bool {
		err, _ := a.Value.Any().(error)
		if outage, ok := errors.AsType[*OutageError](err); ok {
			key = outageKey{outage.What, outage.Kind}
		}
		return key == outageKey{}
	})
	if key == (outageKey{}) {
		return h.Handler.Handle(ctx, r)
	}
	left, due := h.outages.note(key, r.Time)
	if !due {
		return nil
	}
	if left > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("left_out", left))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (h quietHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return quietHandler{h.Handler.WithAttrs(attrs), h.outages}
}

// WithGroup implements [slog.Handler].
func (h quietHandler) WithGroup(name string) slog.Handler {
	return quietHandler{h.Handler.WithGroup(name), h.outages}
}

// outages remembers what was written. It is safe for concurrent use.
type outages struct {
	mu   sync.Mutex
	seen map[outageKey]outageSeen
}

type outageKey struct {
	what string
	kind Outage
}

type outageSeen struct {
	at   time.Time // when it was written last
	left int       // how many were left out since
}

// note reports whether a line about an outage is due, and how many were left out before it.
func (o *outages) note(key outageKey, now time.Time) (left int, due bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	seen := o.seen[key]
	if since := now.Sub(seen.at); !seen.at.IsZero() && since >= 0 && since < outageEvery {
		seen.left++
		o.seen[key] = seen
		return 0, false
	}
	o.seen[key] = outageSeen{at: now}
	return seen.left, true
}
