package bunstore

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/orgexport/orgexport/export/audit"
)

// auditRow is a row of the table of audit entries. The table also has an id, which
// the database counts up; only queries use it.
type auditRow struct {
	bun.BaseModel `bun:"table:audit,alias:entry"`

	At             int64  `bun:"at"`
	Action         string `bun:"action"`
	Actor          string `bun:"actor"`
	OrganizationID string `bun:"organization_id"`
	JobID          string `bun:"job_id"`
	Object         string `bun:"object"`
	Address        string `bun:"address"`
	Range          string `bun:"byte_range"`
	Bytes          int64  `bun:"bytes"`
	Complete       bool   `bun:"complete"`
	Requests       int64  `bun:"requests"`
}

// entry returns the entry that the row stores. The error is nil: see values.
func (r *auditRow) entry() (audit.Entry, error) {
	return audit.Entry{
		At:             time.UnixMilli(r.At).UTC(),
		Action:         audit.Action(r.Action),
		Actor:          r.Actor,
		OrganizationID: r.OrganizationID,
		JobID:          r.JobID,
		Object:         r.Object,
		Address:        r.Address,
		Range:          r.Range,
		Bytes:          r.Bytes,
		Complete:       r.Complete,
		Requests:       r.Requests,
	}, nil
}

// auditRowOf returns the row that stores an entry, even if its texts hold bytes that the
// database does not keep, such as a client may send in a header field.
func auditRowOf(e audit.Entry) *auditRow {
	return &auditRow{
		At:             e.At.UnixMilli(),
		Action:         cleanText(string(e.Action)),
		Actor:          cleanText(e.Actor),
		OrganizationID: cleanText(e.OrganizationID),
		JobID:          cleanText(e.JobID),
		Object:         cleanText(e.Object),
		Address:        cleanText(e.Address),
		Range:          cleanText(e.Range),
		Bytes:          e.Bytes,
		Complete:       e.Complete,
		Requests:       e.Requests,
	}
}

// Record implements [audit.Log]. It records an entry even if its texts hold bytes
// that the database does not keep.
func (s *Store) Record(ctx context.Context, e audit.Entry) error {
	_, err := s.into(s.db, "audit", auditRowOf(e)).Exec(ctx)
	return wrap("record", err)
}

// Has implements [audit.Finder]. Few entries of an organization are of one instant: the
// database finds them by an index.
func (s *Store) Has(ctx context.Context, e audit.Entry) (bool, error) {
	row := auditRowOf(e)
	query := s.from(s.db, "audit").Where("organization_id = ? AND at = ?", row.OrganizationID, row.At)
	rows, err := list(ctx, query, func(r *auditRow) (auditRow, error) { return *r, nil })
	return slices.Contains(rows, *row), wrap("has", err)
}

// Entries implements [audit.Reader].
func (s *Store) Entries(ctx context.Context, organizationID string, limit int) ([]audit.Entry, error) {
	if !storable(organizationID) || limit < 1 {
		return nil, nil
	}
	query := s.from(s.db, "audit").Where("organization_id = ?", organizationID).OrderExpr("at DESC, id DESC").Limit(int64(limit))
	entries, err := list(ctx, query, (*auditRow).entry)
	return entries, wrap("entries", err)
}

// Purge implements [audit.Purger]. It removes a thousand entries at a time, so that
// others can write in between.
func (s *Store) Purge(ctx context.Context, kept time.Duration) (int64, error) {
	const atOnce, try = 1000, 4 // the pause is 16 ms on average
	if kept <= 0 {
		return 0, fmt.Errorf("bunstore: purge: entries cannot be kept for %v", kept)
	}
	var all int64
	for {
		n, err := s.sweep(ctx, "audit", "id", "at", kept, atOnce)
		all += n
		again := err == nil && n >= atOnce || lostRace(err)
		if again {
			err = pause(ctx, try)
		}
		if err != nil || !again {
			return all, wrap("purge", err)
		}
	}
}
