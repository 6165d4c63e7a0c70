package sectiontest

import (
	"context"
	"fmt"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/record"
)

// fault says how a Recorder fails, and counts what the section does then.
type fault struct {
	at      int   // number of the call that fails, from 1
	err     error // that it fails with
	instead bool  // it fails before it touches its sequence or reader
	minor   bool  // only this call fails, as if a record or a reader were bad

	onStep func(step int) // is called at the beginning and end of each call, and at each record
	steps  int            // so far

	calls  int   // that began
	failed error // of this call and all later ones
	told   bool  // a call has returned failed
	late   int   // calls after that
}

// arrive counts a call that comes late: the section should have given up.
func (r *Recorder) arrive() {
	r.lock(func() {
		if r.fault.told {
			r.fault.late++
		}
	})
}

// begin begins a call. It returns the error that the call is to fail with half-way, or the
// error that it is to fail with now, or neither.
func (r *Recorder) begin(c Call) (halfway, now error) {
	r.step()
	if err := r.ended(); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	f := &r.fault
	f.calls++
	if f.failed != nil {
		return nil, f.failed
	}
	if f.calls != f.at {
		return nil, nil
	}
	var err error
	switch {
	case !f.minor:
		f.failed = fmt.Errorf("%w: %w", export.ErrSinkFailed, f.err)
		err = f.failed
	case c.Op == Binary:
		err = &export.SourceError{Name: c.Name, Err: f.err}
	default:
		err = &record.EncodeError{Name: c.Name, Err: f.err}
	}
	if f.instead {
		return nil, err
	}
	return err, nil
}

// step counts a step and calls onStep.
func (r *Recorder) step() {
	var onStep func(int)
	step := 0
	r.lock(func() {
		r.fault.steps++
		step, onStep = r.fault.steps, r.fault.onStep
	})
	if onStep != nil {
		onStep(step)
	}
}

// ended returns the error of calls after the context has ended, and nil before.
func (r *Recorder) ended() error {
	if r.ctx == nil || r.ctx.Err() == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fault.failed == nil {
		r.fault.failed = fmt.Errorf("%w: %w", export.ErrSinkFailed, context.Cause(r.ctx))
	}
	return r.fault.failed
}
