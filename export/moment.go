package export

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"
)

// closeTimeout is how long a database may take to end a snapshot.
const closeTimeout = 5 * time.Second

// moment is the snapshot that the sections of a run have in common. It is opened for the first
// section that asks for it, and closed when none is to read it any more.
type moment struct {
	source   Snapshots
	required bool
	maxAge   time.Duration
	log      *slog.Logger
	lasting  context.Context // outlives the sections, for closing

	section string          // the first that reads the moment
	foreign *SharedSnapshot // of another process, which is read; or nil

	turn chan struct{} // of capacity 1: whoever has put something in may use the rest

	snapshot Snapshot
	openedAt time.Time
	ageing   *time.Timer
	over     error // why there is no snapshot, or none any more
}

// newMoment returns the moment that the sections without a part are to have in common, or nil if
// they are to have none.
func (x *run) newMoment(ctx context.Context) *moment {
	for _, s := range x.sections {
		if snapshotsOf(s) != nil && x.isLeft(s) {
			return x.momentOf(ctx, s)
		}
	}
	return nil
}

// joinMoment returns the moment of another process that this run reads, or nil if there is none.
func (x *run) joinMoment(ctx context.Context) (*moment, error) {
	if x.Snapshot == (SharedSnapshot{}) {
		return nil, nil
	}
	m := x.momentOf(ctx, x.section(x.Snapshot.Section))
	if m == nil || !m.shared() {
		return nil, fmt.Errorf("export: section %q cannot read the snapshot of another process", x.Snapshot.Section)
	}
	m.foreign = &x.Snapshot
	return m, nil
}

// momentOf returns the moment of a section and of all that read by the same [Snapshots]. It is nil
// if there is to be none.
func (x *run) momentOf(ctx context.Context, s Section) *moment {
	c := x.engine.config
	source := snapshotsOf(s)
	if source == nil || c.Consistency == ConsistencyOff {
		return nil
	}
	return &moment{
		source:   source,
		section:  s.Key(),
		required: c.Consistency == ConsistencyRequired,
		maxAge:   max(c.MaxSnapshotAge, 0),
		log:      c.Logger.With("job", x.JobID, "organization", x.Organization.ID),
		lasting:  context.WithoutCancel(ctx),
		turn:     make(chan struct{}, 1),
	}
}

// isLeft reports whether a section has shards that are to be sealed.
func (x *run) isLeft(s Section) bool {
	if known := x.shardsOf(s.Key()); len(known) > 0 {
		return slices.ContainsFunc(known, func(s Shard) bool { return !x.isSealed(s) })
	}
	return len(x.partsOf(s.Key())) == 0
}

// reads tells whether a section reads the moment.
func (m *moment) reads(s Section) bool { return m != nil && snapshotsOf(s) == m.source }

// shared tells whether other processes can read the moment.
func (m *moment) shared() bool {
	if m == nil {
		return false
	}
	_, ok := m.source.(SnapshotJoiner)
	return ok
}

// join returns the snapshot for a section that begins, and when it was opened. It is nil if
// the section has to do without. The error is a [*rerunError] if this is not the last run of
// the section and the machine has failed.
func (m *moment) join(ctx context.Context, last bool) (Snapshot, time.Time, error) {
	select {
	case m.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, time.Time{}, context.Cause(ctx)
	}
	defer func() { <-m.turn }()
	if m.snapshot == nil && m.over == nil {
		err := m.open(ctx)
		if err != nil && ctx.Err() != nil {
			return nil, time.Time{}, context.Cause(ctx)
		}
		if fault := MachineFault(err); fault != "" && !last {
			return nil, time.Time{}, &rerunError{fault, err}
		}
		if err != nil {
			m.end(err)
		}
	}
	return m.snapshot, m.openedAt, m.failure()
}

func (m *moment) open(ctx context.Context) (err error) {
	if m.foreign != nil {
		return m.openForeign()
	}
	if m.snapshot, err = m.source.OpenSnapshot(ctx, m.maxAge); err != nil {
		m.snapshot = nil
		return err
	}
	m.openedAt = time.Now()
	if m.maxAge > 0 {
		m.ageing = time.AfterFunc(m.maxAge, m.expire)
	}
	return nil
}

// openForeign begins to read the snapshot of another process, which sees to its end.
func (m *moment) openForeign() (err error) {
	joiner, _ := m.source.(SnapshotJoiner) // joinMoment has made sure of it
	if m.snapshot, err = joiner.JoinSnapshot(m.foreign.ID, m.foreign.Moment); err != nil {
		m.snapshot = nil
		return err
	}
	m.openedAt = m.foreign.OpenedAt
	return nil
}

// expire ends a snapshot that has become too old.
func (m *moment) expire() {
	m.turn <- struct{}{}
	defer func() { <-m.turn }()
	if m.snapshot != nil {
		m.end(&snapshotAgeError{m.maxAge})
	}
}

// end notes why there is no snapshot from now on.
func (m *moment) end(why error) {
	m.over = why
	m.log.WarnContext(m.lasting, "sections do not read one point in time", "error", why)
	m.close()
}

func (m *moment) close() {
	if m.snapshot == nil {
		return
	}
	if m.ageing != nil {
		m.ageing.Stop()
	}
	ctx, cancel := context.WithTimeout(m.lasting, closeTimeout)
	defer cancel()
	m.snapshot.Close(ctx)
	m.snapshot = nil
}

// lose is for a section that could not read the snapshot. Later ones are not to try.
func (m *moment) lose(why error) error {
	m.turn <- struct{}{}
	defer func() { <-m.turn }()
	if m.over == nil {
		m.end(why)
	}
	return m.failure()
}

// failure is the error of an export that needs the snapshot and has none any more.
func (m *moment) failure() error {
	if m.over == nil || !m.required {
		return nil
	}
	_, aged := errors.AsType[*snapshotAgeError](m.over)
	final := aged || m.openedAt.IsZero() && MachineFault(m.over) == ""
	return &ConsistencyError{Final: final, Err: m.over}
}

// stop closes the snapshot when no section reads it any more.
func (m *moment) stop() {
	if m == nil {
		return
	}
	m.turn <- struct{}{}
	defer func() { <-m.turn }()
	m.close()
}

// snapshotAgeError is why a snapshot was ended that has become too old.
type snapshotAgeError struct{ age time.Duration }

func (e *snapshotAgeError) Error() string {
	return fmt.Sprintf("export: the snapshot is older than %v", e.age)
}

// Public is for an export that fails for it.
func (e *snapshotAgeError) Public() string {
	return fmt.Sprintf("The data could not be read as of one point in time: that took longer than %v.", e.age)
}

// reading is what one run of a section reads.
type reading struct {
	moment   *moment
	snapshot Snapshot // nil: the section reads moments of its own
	openedAt time.Time
	began    time.Time // zero if the section cannot read snapshots, or is not to
	lost     atomic.Bool
}

// read says what a run of a section is to read.
func (x *run) read(ctx context.Context, s Section, last bool) (*reading, error) {
	r := &reading{moment: x.moment}
	if x.moment.reads(s) {
		var err error
		if r.snapshot, r.openedAt, err = x.moment.join(ctx, last); err != nil {
			return nil, err
		}
	}
	if x.engine.config.Consistency != ConsistencyOff && snapshotsOf(s) != nil {
		r.began = time.Now() // after it has waited for its turn
	}
	return r, nil
}

// scope is that of a section which reads it.
func (r *reading) scope(x *run, shard Shard) Scope {
	s := Scope{Organization: x.Organization, JobID: x.JobID, AsOf: x.AsOf, Range: shard.Range}
	if r.snapshot != nil {
		s.Snapshot, s.reading = r.snapshot.ID(), r
	}
	return s
}

func (r *reading) lose(why error) error {
	r.lost.Store(true)
	if err := r.moment.lose(why); err != nil {
		return fmt.Errorf("%w: %w", ErrSinkFailed, err)
	}
	return nil
}

// end looks at what was read. The error is that of an export which has to be of one moment.
func (r *reading) end(ctx context.Context) error {
	if r.snapshot == nil {
		return nil
	}
	if !r.lost.Load() {
		why := r.snapshot.Check(ctx)
		if why == nil {
			return nil
		}
		r.lost.Store(true)
		return r.moment.lose(why)
	}
	return r.moment.lose(ErrSnapshotLost)
}

// result adds to a section's result what it has read.
func (r *reading) result(s sealedResult, requestedAt time.Time) sealedResult {
	at, read := r.began, ""
	if r.snapshot != nil && !r.lost.Load() {
		at, read = r.openedAt, r.snapshot.Moment()
	}
	s.RequestedAt, s.Moment, s.ReadAt = requestedAt.Unix(), read, at.UTC().Truncate(time.Millisecond)
	return s
}
