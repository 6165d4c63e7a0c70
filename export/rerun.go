package export

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"time"
)

// maxRerunDelay bounds the waits that grow.
const maxRerunDelay = 5 * time.Minute

// rerunError ends a run of a section that a fault of the machine has failed, so that the
// spool throws its part away.
type rerunError struct {
	fault Fault
	cause error
}

func (e *rerunError) Error() string { return "export: section is run again: " + e.cause.Error() }
func (e *rerunError) Unwrap() error { return e.cause }

// lastRunKey is the key of a context's value.
type lastRunKey struct{}

// IsLastRun reports whether ctx is that of the last run of a section, which is not run again if
// the machine fails it: see [Config.Reruns]. What can go on without a part of its data then
// does so, because all that comes behind a fault of the machine is lost.
func IsLastRun(ctx context.Context) bool {
	last, _ := ctx.Value(lastRunKey{}).(bool)
	return last
}

// sealShard runs a section into a sealed part. It runs the section again if the machine has
// failed it, and takes what the last run wrote.
func (x *run) sealShard(ctx context.Context, s Shard) (Event, error) {
	x.report.report(s, Event{Kind: SectionStarted, Section: s.Section})
	for again := 1; ; again++ {
		finished, failed, err := x.sealOnce(ctx, s, again > x.engine.config.Reruns)
		if failed == nil || ctx.Err() != nil {
			return finished, err
		}
		if x.Rerun != nil {
			x.Rerun(ctx, s.Section, failed.fault)
		}
		x.report.report(s, Event{Kind: SectionRestarted, Section: s.Section})
		if err := x.waitForRerun(ctx, s.Section, failed.fault, again); err != nil {
			return Event{}, err
		}
	}
}

// sealOnce runs a section once. It returns a rerunError if there is no part for that reason.
func (x *run) sealOnce(ctx context.Context, s Shard, last bool) (finished Event, failed *rerunError, err error) {
	err = x.engine.config.Spool.Put(ctx, x.newPart(s), func(w io.Writer) error {
		body := &partWriter{w: w, quota: x.quota, digest: x.digest(s.Section)}
		var err error
		if finished, err = x.packShard(ctx, s, body, last); errors.As(err, &failed) {
			x.quota.used.Add(-body.taken)
		}
		return err
	})
	return finished, failed, err
}

// waitForRerun waits until it is time to run a section again, or to try again what it needs.
func (x *run) waitForRerun(ctx context.Context, key string, fault Fault, again int) error {
	c := x.engine.config
	delay := c.RerunDelay
	for range again - 1 {
		delay = min(4*delay, maxRerunDelay)
	}
	delay += rand.N(delay/4 + 1) // so that not all sections come back at once
	c.Logger.WarnContext(ctx, "section is run again, because the machine failed it", "job", x.JobID,
		"organization", x.Organization.ID, "section", key, "fault", string(fault), "again", again, "of", c.Reruns, "delay", delay)
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// sectionFault is the fault that has ended a run of a section. None has if a limit of the
// engine ended it.
func sectionFault(cause error) Fault {
	if errors.Is(cause, ErrTimeout) || errors.Is(cause, ErrTooLarge) {
		return ""
	}
	return MachineFault(cause)
}
