package audit

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// SummaryConfig is the configuration of a [Summary]. Log is required.
type SummaryConfig struct {
	// Log gets the entries.
	Log Log

	// MaxPending is how many sums are held in memory at once. If there is no room for
	// one more, all of them are written. Defaults to 1,000.
	MaxPending int

	// Logger gets what goes wrong at the end of a minute. Defaults to [slog.Default].
	Logger *slog.Logger
}

// Summary is a [Log] in which many downloads of a minute become two entries, so that
// whoever asks for an archive byte by byte does not fill the log. It is safe for concurrent
// use. Make it with [NewSummary].
//
// Of downloads that differ only in their instant, Bytes and Range, the first one of a minute
// is recorded at once. Those that follow are summed and recorded as one entry when the
// minute is over: At and Range are those of the first of them, Bytes is the sum, and Requests
// says how many they are. A download of the whole archive and one of a range are never in one
// sum, nor are a complete one and one that was broken off, nor those of two addresses,
// actors, jobs or objects. Other actions are recorded as they come.
//
// The sum of Requests is the number of downloads. If the process is killed, what is lost is
// at most the sums of one minute; of each, the first request is in the log. If an entry cannot
// be written, Record or Flush returns the error, and it is kept and tried again a minute later.
type Summary struct {
	config   SummaryConfig
	flushing turns

	mu    sync.Mutex
	sums  map[sumKey]*sum
	timer *time.Timer // of the end of the minute, nil if nothing is to be done then
}

// sumKey is what downloads of one sum have in common: an entry without what differs.
type sumKey Entry

// sum is what is known of downloads in a minute. One is recorded.
type sum struct {
	minute  time.Time
	pending Entry // Requests is 0 if there is nothing to record
}

// summaryTimeout bounds how long it takes to write the sums of a minute.
const summaryTimeout = 30 * time.Second

// NewSummary returns a Summary.
func NewSummary(c SummaryConfig) *Summary {
	c.MaxPending = cmp.Or(c.MaxPending, 1000)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	return &Summary{config: c, flushing: newTurns(), sums: make(map[sumKey]*sum)}
}

func keyOf(e Entry) sumKey {
	e.At, e.Bytes, e.Requests = time.Time{}, 0, 0
	if e.Range != "" {
		e.Range = "some"
	}
	return sumKey(e)
}

// requestsOf returns how many requests an entry stands for.
func requestsOf(e Entry) int64 { return max(e.Requests, 1) }

// Record implements [Log].
func (s *Summary) Record(ctx context.Context, e Entry) error {
	if e.Action != Downloaded {
		return s.config.Log.Record(ctx, e)
	}
	return s.record(ctx, s.note(e))
}

// record records entries, and keeps those that cannot be.
func (s *Summary) record(ctx context.Context, entries []Entry) error {
	var errs []error
	for _, e := range entries {
		if err := s.config.Log.Record(ctx, e); err != nil {
			s.putBack(e)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// note counts a download and returns what is to be recorded at once: the download if it is
// the first of its minute, and sums before it.
func (s *Summary) note(e Entry) (now []Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key, minute := keyOf(e), e.At.Truncate(time.Minute)
	known := s.sums[key]
	if known != nil && known.minute.Equal(minute) {
		known.add(e)
		return nil
	}
	if known != nil {
		now = known.take()
	} else if len(s.sums) >= s.config.MaxPending {
		now = s.takeAll()
	}
	s.sums[key] = &sum{minute: minute}
	if s.timer == nil {
		s.timer = time.AfterFunc(minute.Add(time.Minute).Sub(e.At), s.endMinute)
	}
	return append(now, e)
}

// add adds a download to a sum.
func (s *sum) add(e Entry) {
	if s.pending.Requests == 0 {
		s.pending, s.pending.Requests = e, requestsOf(e)
		return
	}
	s.pending.Bytes += e.Bytes
	s.pending.Requests += requestsOf(e)
}

// take returns what is to be recorded of a sum.
func (s *sum) take() []Entry {
	if s.pending.Requests == 0 {
		return nil
	}
	taken := s.pending
	s.pending = Entry{}
	return []Entry{taken}
}

// takeAll forgets all sums and returns what is to be recorded of them.
func (s *Summary) takeAll() (entries []Entry) {
	for _, known := range s.sums {
		entries = append(entries, known.take()...)
	}
	clear(s.sums)
	return entries
}

// putBack keeps a sum that could not be recorded for the next time.
func (s *Summary) putBack(e Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := keyOf(e)
	known := s.sums[key]
	if known == nil {
		known = &sum{minute: e.At.Truncate(time.Minute)}
		s.sums[key] = known
	}
	known.add(e)
	if s.timer == nil {
		s.timer = time.AfterFunc(time.Minute, s.endMinute)
	}
}

// endMinute records the sums of a minute that is over.
func (s *Summary) endMinute() {
	ctx, cancel := context.WithTimeout(context.Background(), summaryTimeout) //nolint:forbidigo // it is no request's
	defer cancel()
	if err := s.Flush(ctx); err != nil {
		s.config.Logger.ErrorContext(ctx, "downloads not recorded in the audit log, to be tried again", "error", err)
	}
}

// Flush records all sums at once. Call it before the process ends, when no download is
// served any more. If those of a minute are being recorded, it waits for the end of that. What
// it cannot record is kept and tried again.
func (s *Summary) Flush(ctx context.Context) error {
	if err := s.flushing.take(ctx); err != nil {
		return err
	}
	defer s.flushing.give()
	s.mu.Lock()
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	entries := s.takeAll()
	s.mu.Unlock()
	return s.record(ctx, entries)
}
