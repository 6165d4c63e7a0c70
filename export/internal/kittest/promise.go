package kittest

import (
	"context"
	"errors"
	"sync"
	"testing"
)

// Promise is one promise of an interface's documentation, and the test of it. The
// test gets a new implementation P. Promise is an alias of its struct, so that lists
// of promises need no field names.
type Promise[P any] = struct {
	Name string
	Test func(t testing.TB, port P)
}

// Run runs a subtest for each promise. fresh returns an implementation for one
// subtest.
func Run[P any](t *testing.T, promises []Promise[P], fresh func(t *testing.T) P) {
	t.Helper()
	for _, p := range promises {
		t.Run(p.Name, func(t *testing.T) { p.Test(t, fresh(t)) })
	}
}

// Cancelled returns a context that is cancelled already.
func Cancelled(t testing.TB) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// WantCancelled checks the error of a call with a cancelled context.
func WantCancelled(t testing.TB, call string, err error) {
	t.Helper()
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%s with a cancelled context gives %v, want the context's error", call, err)
	}
}

// AtOnce is the number of goroutines of [Together].
const AtOnce = 32

// Together calls do for n from 0 to AtOnce-1, all at once, and waits for all.
func Together(do func(n int)) {
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for n := range AtOnce {
		wg.Go(func() {
			<-begin
			do(n)
		})
	}
	close(begin)
	wg.Wait()
}
