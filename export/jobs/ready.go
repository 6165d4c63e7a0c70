package jobs

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/orgexport/orgexport/export"
)

// Ready reports whether the Store, the Dispatcher, the engine's Spool and the
// Destination are ready to be used. A port that is no [export.Checker] counts as
// ready. The error joins a [*NotReadyError] for each port that is not. All are asked at
// the same time, so that one that does not answer before ctx ends is named alone.
func (s *Service) Ready(ctx context.Context) error {
	ports := []struct {
		name string
		port any
	}{
		{"store", s.config.Store},
		{"dispatcher", s.config.Dispatcher},
		{"spool", s.spool()},
		{"destination", s.config.Destination},
	}
	errs := make([]error, len(ports))
	var asked sync.WaitGroup
	for i, p := range ports {
		if c, ok := p.port.(export.Checker); ok {
			asked.Go(func() {
				if err := checkPort(ctx, c); err != nil {
					errs[i] = &NotReadyError{p.name, err}
				}
			})
		}
	}
	asked.Wait()
	return errors.Join(errs...)
}

// checkPort asks a port. A panic of it is an error: nobody else would recover from it.
func checkPort(ctx context.Context, c export.Checker) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("its check panicked: %v", v)
		}
	}()
	return c.Check(ctx)
}

// NotReadyError says which port is not ready to be used.
type NotReadyError struct {
	Port string // "store", "dispatcher", "spool" or "destination"
	Err  error
}

func (e *NotReadyError) Error() string {
	return fmt.Sprintf("jobs: the %s is not ready: %v", e.Port, e.Err)
}

// Unwrap returns the cause.
func (e *NotReadyError) Unwrap() error { return e.Err }
