package accesstest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/internal/kittest"
)

// columns points to the fields that keys and sessions have in common.
type columns struct {
	id, owner *string
	hash      *[sha256.Size]byte
	created   *time.Time
	moved     *time.Time // moves forward only
	others    []*time.Time
}

func (c columns) instants() []*time.Time { return append(c.others, c.created, c.moved) }

// credentials keeps keys or sessions in memory. R is access.Key or access.Session.
// The functions columns, which methods are given, return the columns of an R.
type credentials[R any] struct {
	mu   sync.Mutex
	byID map[string]R
}

func (m *credentials[R]) create(ctx context.Context, r R, columns func(*R) columns) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	c := columns(&r)
	for id, other := range m.byID {
		if id == *c.id || *columns(&other).hash == *c.hash {
			return fmt.Errorf("%w: %s", access.ErrExists, id)
		}
	}
	if m.byID == nil {
		m.byID = make(map[string]R)
	}
	for _, at := range c.instants() {
		*at = kittest.Instant(*at)
	}
	m.byID[*c.id] = r
	return nil
}

func (m *credentials[R]) byHash(ctx context.Context, hash [sha256.Size]byte, columns func(*R) columns) (R, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var none R
	if ctx.Err() != nil {
		return none, context.Cause(ctx)
	}
	for _, r := range m.byID {
		if *columns(&r).hash == hash {
			return r, nil
		}
	}
	return none, fmt.Errorf("%w: no such hash", access.ErrNotFound)
}

func (m *credentials[R]) list(ctx context.Context, owner string, columns func(*R) columns) ([]R, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var list []R
	for _, r := range m.byID {
		if *columns(&r).owner == owner {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b R) int {
		x, y := columns(&a), columns(&b)
		return cmp.Or(x.created.Compare(*y.created), strings.Compare(*x.id, *y.id))
	})
	return list, nil
}

// change changes the R with that id, or returns access.ErrNotFound.
func (m *credentials[R]) change(ctx context.Context, id string, change func(*R)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r, ok := m.byID[id]
	if !ok {
		return fmt.Errorf("%w: %s", access.ErrNotFound, id)
	}
	change(&r)
	m.byID[id] = r
	return nil
}

// move sets the instant moved to at if at is later. An id that does not exist is no
// error.
func (m *credentials[R]) move(ctx context.Context, id string, at time.Time, columns func(*R) columns) error {
	err := m.change(ctx, id, func(r *R) {
		if moved := columns(r).moved; at.After(*moved) {
			*moved = kittest.Instant(at)
		}
	})
	if errors.Is(err, access.ErrNotFound) {
		return nil
	}
	return err
}

func (m *credentials[R]) remove(ctx context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if _, ok := m.byID[id]; !ok {
		return fmt.Errorf("%w: %s", access.ErrNotFound, id)
	}
	delete(m.byID, id)
	return nil
}
