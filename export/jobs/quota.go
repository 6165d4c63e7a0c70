package jobs

import (
	"fmt"
	"time"
)

// Quota limits the jobs of each organization. Jobs that have failed do not count, unless
// they were cancelled, and a request that is answered with a job in flight does not
// either. Zero means no limit.
type Quota struct {
	InFlight int64 // jobs in flight at once
	Day      int64 // jobs created within 24 hours
}

// inFlightRetry is when a requester may ask again that has too many jobs in flight.
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

// QuotaError means that an organization may request no more exports for now.
type QuotaError struct {
	Reason     string        // a sentence
	RetryAfter time.Duration // when to ask again
}

func (e *QuotaError) Error() string { return "jobs: quota: " + e.Reason }

// Public returns the reason.
func (e *QuotaError) Public() string { return e.Reason }
