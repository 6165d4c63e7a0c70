package jobs

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Run does what this process is to do for jobs until ctx ends; then it returns
// nil. It exports jobs on workers ([Service.Work]), maintains the jobs of all
// processes ([Service.Maintain]) and hears of jobs that other processes cancel
// ([Service.Cancelled]). Call it once in each process.
//
// Workers and cancelled jobs come from the dispatcher if it is a [Runner] and a
// [Listener]. If it is none, its own workers call Work. With [Config.NoWorker] the
// process maintains jobs and exports none.
//
// When ctx ends, the dispatcher lets exports that run finish for as long as its
// configuration says; meanwhile they are maintained and can be cancelled. The rest
// is handed back. An error of the dispatcher ends Run.
func (s *Service) Run(ctx context.Context) error {
	working, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	s.mu.Lock()
	s.ending = working.Done()
	s.mu.Unlock()
	lasting, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var around errgroup.Group
	around.Go(func() error {
		s.Maintain(lasting)
		return nil
	})
	if l, ok := s.config.Dispatcher.(Listener); ok && !s.config.NoWorker {
		around.Go(func() error {
			err := l.Listen(lasting, s.Cancelled)
			if err != nil {
				fail(err)
			}
			return err
		})
	}
	if !s.config.NoWorker {
		around.Go(func() error {
			s.keepSpare(working)
			return nil
		})
	}
	err := s.runTasks(working)
	fail(err)
	stop()
	return errors.Join(err, around.Wait())
}

// stopping reports whether no more jobs are to begin in this process.
func (s *Service) stopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.ending:
		return true
	default:
		return false
	}
}

// runTasks exports jobs until ctx ends, if this process is to.
func (s *Service) runTasks(ctx context.Context) error {
	if r, ok := s.config.Dispatcher.(Runner); ok && !s.config.NoWorker {
		marking, stop := context.WithCancel(ctx)
		var marks sync.WaitGroup
		marks.Go(func() { s.keepMarking(marking) })
		defer marks.Wait()
		defer stop()
		return r.Run(ctx, s.Work)
	}
	<-ctx.Done()
	return nil
}
