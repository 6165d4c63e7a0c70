package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// signalError is the cause of a context that a signal has ended.
type signalError struct{ signal syscall.Signal }

func (e *signalError) Error() string { return "interrupted" }

// name is what the signal is called.
func (e *signalError) name() string {
	switch e.signal {
	case syscall.SIGINT:
		return "SIGINT"
	case syscall.SIGHUP:
		return "SIGHUP"
	}
	return "SIGTERM"
}

// status is the exit status that shells give to who dies of the signal.
func (e *signalError) status() int { return 128 + int(e.signal) }

// withSignals returns a context that ends with the first signal to stop. After
// that signals do what they do by themselves: the second one kills.
func withSignals(ctx context.Context) (context.Context, func()) {
	ignoreSignals()
	ctx, cancel := context.WithCancelCause(ctx)
	var wanted []os.Signal
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) { // as nohup and background jobs do
			wanted = append(wanted, s)
		}
	}
	caught := make(chan os.Signal, 1)
	if len(wanted) > 0 { // none would mean all
		signal.Notify(caught, wanted...)
	}
	go func() {
		select {
		case s := <-caught:
			signal.Stop(caught)
			cancel(&signalError{s.(syscall.Signal)})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(caught)
		cancel(nil)
	}
}
