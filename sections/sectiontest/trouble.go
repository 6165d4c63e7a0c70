package sectiontest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/pprof"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/record"
)

var (
	errInjected  = errors.New("sectiontest: the call was made to fail")
	errCancelled = errors.New("sectiontest: the export was cancelled")
)

// errDeep wraps the types of error that a section may skip, and errInjected. A sink that
// fails wraps it in ErrSinkFailed, and then the section must not skip it.
var errDeep error = &export.SourceError{Err: &record.EncodeError{Err: errInjected}}

// trouble is one way in which an export goes wrong.
type trouble struct {
	what  string
	fault fault
	early bool // the context ends before the export begins
	stop  int  // the step at which the context ends, from 1; 0 is never
}

// with exports Scope with a trouble. It returns what run does, and the recorder.
func (c *checker) with(t trouble, s export.Section) (r *Recorder, result, failure error) {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	if t.early {
		cancel(errCancelled)
	}
	r = NewRecorder(ctx)
	r.fault = t.fault
	r.fault.onStep = func(step int) {
		if step == t.stop {
			cancel(errCancelled)
		}
	}
	result, failure = c.run(ctx, s, c.Scope, r)
	if failure != nil {
		failure = fmt.Errorf("%s: %w", t.what, failure)
	}
	return r, result, failure
}

// sinkFailures returns troubles in which the sink fails at one of n calls.
func sinkFailures(n int) []trouble {
	var list []trouble
	for _, at := range samples(n) {
		what := fmt.Sprintf("sink fails at call %d", at)
		list = append(list,
			trouble{what: what, fault: fault{at: at, err: errDeep}},
			trouble{what: what + ", before it reads", fault: fault{at: at, err: errDeep, instead: true}})
	}
	return list
}

// cancellations returns troubles in which the context ends at one of n steps.
func cancellations(n int) []trouble {
	var list []trouble
	for _, at := range samples(n) {
		list = append(list, trouble{what: fmt.Sprintf("context ends at step %d", at), stop: at})
	}
	return list
}

// refusals returns troubles in which the sink refuses the record or the reader of one of
// the calls that succeeded.
func refusals(calls []Call) []trouble {
	var list []trouble
	for _, at := range samples(len(calls)) {
		if op := calls[at-1].Op; op != Skip && op != Note && calls[at-1].Err == nil {
			what := fmt.Sprintf("%s %s is refused", op, calls[at-1].Name)
			whole := op != Records // the other calls write all or nothing
			list = append(list, trouble{what: what, fault: fault{at: at, err: errInjected, minor: true, instead: whole}})
		}
	}
	return list
}

func checkSinkError(c *checker) error {
	s := c.fresh()
	r, err := c.healthy(s, c.Scope)
	if err != nil {
		return err
	}
	for _, t := range sinkFailures(len(r.calls)) {
		r, err, failure := c.with(t, s)
		switch {
		case failure != nil:
			return failure
		case !r.fault.told:
			// A Skip failed, which returns nothing, and no call followed.
		case !errors.Is(err, export.ErrSinkFailed) || !errors.Is(err, errInjected):
			return fmt.Errorf("%s: export returned %v, not the sink's error", t.what, err)
		case r.fault.late > 0:
			return fmt.Errorf("%s: export made %d more calls", t.what, r.fault.late)
		}
	}
	return nil
}

func checkTellsFailures(c *checker) error {
	s := c.fresh()
	r, err := c.healthy(s, c.Scope)
	if err != nil {
		return err
	}
	skips := len(r.Skips())
	for _, t := range refusals(r.Calls()) {
		r, err, failure := c.with(t, s)
		switch {
		case failure != nil:
			return failure
		case err == nil && len(r.Skips()) <= skips:
			return fmt.Errorf("%s: export neither skipped it nor returned an error", t.what)
		}
	}
	return nil
}

func checkCancel(c *checker) error {
	s := c.fresh()
	r, err := c.healthy(s, c.Scope)
	if err != nil {
		return err
	}
	whole := r.transcript(nil)
	list := append([]trouble{{what: "context ended before", early: true}}, cancellations(r.fault.steps)...)
	for _, t := range list {
		r, err, failure := c.with(t, s)
		switch {
		case failure != nil:
			return failure
		case err == nil && r.transcript(nil) != whole:
			return fmt.Errorf("%s: export returned no error, but not everything was written", t.what)
		}
	}
	return c.checkBlocked()
}

// checkBlocked ends the context while a source does not answer.
func (c *checker) checkBlocked() error {
	if c.block == nil {
		return nil
	}
	s, blocked := c.block()
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	ended := make(chan struct{})
	go func() {
		select {
		case <-blocked:
			cancel(errCancelled)
		case <-ended:
		}
	}()
	err, failure := c.run(ctx, s, c.Scope, NewRecorder(ctx))
	close(ended)
	switch {
	case failure != nil:
		return fmt.Errorf("context ended while a source blocked: %w", failure)
	case ctx.Err() == nil:
		return fmt.Errorf("the source that Block made was not asked; export returned %v", err)
	case err == nil:
		return errors.New("context ended while a source blocked: export returned no error")
	}
	return nil
}

// everyTrouble exports without trouble and then with each trouble, and calls after with the
// recorder of each export.
func (c *checker) everyTrouble(s export.Section, after func(*Recorder) error) error {
	r, err := c.healthy(s, c.Scope)
	if err != nil {
		return err
	}
	if err := after(r); err != nil {
		return err
	}
	list := append(sinkFailures(len(r.calls)), refusals(r.Calls())...)
	for _, t := range append(list, cancellations(r.fault.steps)...) {
		r, _, failure := c.with(t, s)
		if failure != nil {
			return failure
		}
		if err := after(r); err != nil {
			return fmt.Errorf("%s: %w", t.what, err)
		}
	}
	return nil
}

func checkCloses(c *checker) error {
	return c.everyTrouble(c.fresh(), func(r *Recorder) error {
		for _, reader := range r.files {
			if f, ok := reader.(*os.File); ok {
				if _, err := f.Stat(); !errors.Is(err, fs.ErrClosed) {
					return fmt.Errorf("%s was left open", f.Name())
				}
			}
		}
		if c.Open != nil && c.Open() != 0 {
			return fmt.Errorf("%d sources were left open", c.Open())
		}
		return nil
	})
}

var runs atomic.Int64

// checkGoroutines exports in a goroutine with a label, which the goroutines that it starts
// inherit, and looks for that label afterwards. A first export without it lets connection
// pools start the goroutines that they keep.
func checkGoroutines(c *checker) error {
	s := c.fresh()
	if _, err := c.healthy(s, c.Scope); err != nil {
		return err
	}
	label := strconv.FormatInt(runs.Add(1), 10)
	var err error
	pprof.Do(context.Background(), pprof.Labels("sectiontest", label), func(context.Context) {
		err = c.everyTrouble(s, func(*Recorder) error { return nil })
	})
	if err != nil {
		return err
	}
	if c.CloseIdle != nil {
		c.CloseIdle()
	}
	mark := []byte(fmt.Sprintf("%q:%q", "sectiontest", label))
	for deadline := time.Now().Add(c.patience()); ; time.Sleep(time.Millisecond) {
		var profile bytes.Buffer
		if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
			return err
		}
		if !bytes.Contains(profile.Bytes(), mark) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("goroutines are left:\n%s", stacksWith(profile.Bytes(), mark))
		}
	}
}

// stacksWith returns the entries of a goroutine profile that have the mark.
func stacksWith(profile, mark []byte) []byte {
	var found [][]byte
	for entry := range bytes.SplitSeq(profile, []byte("\n\n")) {
		if bytes.Contains(entry, mark) {
			found = append(found, entry)
		}
	}
	return bytes.Join(found, []byte("\n\n"))
}
