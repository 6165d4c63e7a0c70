package sectiontest

import (
	"context"
	"fmt"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/record"
)

// fault is what a Recorder does to the section that writes to it.
type fault struct {
	at      int   // the call that fails, from 1
	err     error // what with
	instead bool  // fails before its sequence or reader is touched
	minor   bool  // only this call fails, as if a record or a reader were bad

	onStep func(step int) // told of each beginning and end of a call and each record, from 1
	steps  int

	calls  int   // that began
	failed error // of this and all later calls
	told   bool  // a call returned failed
	late   int   // calls that came after that
}

// arrive notes a call by a section that should have given up.
func (r *Recorder) arrive() {
	r.lock(func() {
		if r.fault.told {
			r.fault.late++
		}
	})
}

// begin starts a call. It returns what the call is to fail with half-way, or
// why it fails at once.
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

// step tells how far the section is.
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

// ended returns what calls fail with after the context has ended.
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
