package jobs

import (
	"fmt"
	"time"
)

// Quota bounds the jobs of one organization. Jobs that have failed never count,
// nor does a request that is answered with a job in flight. Zero means no limit.
type Quota struct {
	InFlight int64 // jobs in flight at once
	Day      int64 // jobs created within 24 hours
}

// inFlightRetry is when it may be worth to ask again after too many jobs were in
// flight.
const inFlightRetry = 30 * time.Second

func (q Quota) check(now time.Time, u Usage) error {
	switch {
	case q.Day > 0 && u.Day >= q.Day:
		return &QuotaError{
			Reason:     fmt.Sprintf("An organization may request %s within 24 hours.", exports(q.Day)),
			RetryAfter: u.Oldest.Add(24 * time.Hour).Sub(now),
		}
	case q.InFlight > 0 && u.InFlight >= q.InFlight:
		return &QuotaError{
			Reason:     fmt.Sprintf("An organization may have %s in flight at once.", exports(q.InFlight)),
			RetryAfter: inFlightRetry,
		}
	}
	return nil
}

func exports(n int64) string {
	if n == 1 {
		return "1 export"
	}
	return fmt.Sprintf("%d exports", n)
}

// QuotaError says that an organization has no more exports for now.
type QuotaError struct {
	Reason     string        // a sentence
	RetryAfter time.Duration // when it is worth to ask again
}

func (e *QuotaError) Error() string { return "jobs: quota: " + e.Reason }

// Public is the reason.
func (e *QuotaError) Public() string { return e.Reason }
