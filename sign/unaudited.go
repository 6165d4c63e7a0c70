package sign

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/orgexport/orgexport/export"
)

// auditAge is how old an answer may be about whether downloads can be recorded.
const auditAge = time.Second

// auditable returns an error if downloads are to be refused because they cannot be recorded.
func (l *Links) auditable(ctx context.Context) error {
	c, ok := l.config.Audit.(export.Checker)
	if !l.config.RefuseUnaudited || !ok {
		return nil
	}
	err := l.trail.ask(func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), auditTimeout)
		defer cancel()
		return c.Check(ctx)
	})
	switch {
	case err == nil:
		return nil
	case errors.Is(err, export.ErrUnavailable):
		return fmt.Errorf("sign: the download could not be recorded: %w", err)
	}
	return &export.OutageError{What: "the audit log", Kind: export.OutageBusy, Err: err}
}

// trail remembers for a moment whether downloads can be recorded. It is safe for concurrent
// use; whoever asks while somebody asks waits for that answer.
type trail struct {
	mu  sync.Mutex
	at  time.Time
	err error
}

// ask returns what check says, or what it said a moment ago.
func (t *trail) ask(check func() error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.at.IsZero() || time.Since(t.at) >= auditAge {
		t.err, t.at = check(), time.Now()
	}
	return t.err
}
