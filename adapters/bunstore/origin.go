package bunstore

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/orgexport/orgexport/export"
)

// errOther says that another database answers than the one that was opened, as after a
// fail-over to a server that has not followed, or a restore of something else.
var errOther = errors.New("another database answers than the one that was opened: lead back to that one, or restart to open this one")

// origin is which database was opened. What is at its address may change: connections of a
// store ask it before they are used. It is safe for concurrent use.
type origin struct {
	mu    sync.Mutex
	id    string // of the Identity; empty until it is known
	other bool   // another one was found there
}

// known returns the id of the database, empty if it is not known yet.
func (o *origin) known() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.id
}

// lost reports whether another database was found.
func (o *origin) lost() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.other
}

// compare takes note of the id of the database that answers. The first one is the right
// one.
func (o *origin) compare(id string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.id == "" {
		o.id = id
	}
	if o.other = o.id != id; o.other {
		return &export.OutageError{What: theDatabase, Kind: export.OutageGone, Err: errOther}
	}
	return nil
}

// admit compares the database of a new connection. ask runs a query for one text; the query
// is of the table with this name.
func (o *origin) admit(table string, ask func(query string) (string, error)) error {
	if o.known() == "" {
		return nil
	}
	id, err := ask(fmt.Sprintf("SELECT id FROM %q", table))
	if err != nil {
		return err
	}
	return o.compare(id)
}

// look compares the database that answers now with the one that was opened. One that an
// older program has made cannot be told from others.
func (s *Store) look(ctx context.Context) error {
	if len(s.migrations) < identityVersion {
		return nil
	}
	id, err := s.identity(ctx, s.db)
	if errors.Is(err, export.ErrNotFound) {
		return s.origin.compare("none")
	}
	if err != nil {
		return err
	}
	return s.origin.compare(id.ID)
}
