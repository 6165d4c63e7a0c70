package jobs

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/orgexport/orgexport/export"
)

// storeEvery is the shortest time between two writes of progress.
const storeEvery = time.Second

// retryEvery is how long a worker waits before it repeats a write that failed.
const retryEvery = 250 * time.Millisecond

// lease is a worker's right to a job, or to help with one. Its writes fail once the worker has
// lost that: see fenced and fencedHelper.
type lease struct {
	service  *Service
	jobID    string
	attempt  int
	worker   int             // the number of the worker: see Job.Claims
	helps    bool            // another worker has the job
	ctx      context.Context // of the work
	cancel   context.CancelCauseFunc
	began    time.Time   // when the lease was taken
	deadline *time.Timer // ends the work before the lease is over

	renewNow chan struct{}

	organizationID string
	suspect        bool
	alone          bool // as it is stored; under Service.mu

	mu       sync.Mutex
	progress []SectionProgress
	changed  bool
}

// newLease returns the lease of a job that was claimed, or came to be helped with, at began.
func (s *Service) newLease(ctx context.Context, job Job, helps bool, began time.Time) *lease {
	l := &lease{
		service: s, jobID: job.ID, attempt: job.Attempt, worker: job.Claims, helps: helps, began: began, renewNow: make(chan struct{}, 1),
		organizationID: job.Organization.ID, suspect: job.Suspect > 0, alone: job.Alone && !helps,
	}
	l.ctx, l.cancel = context.WithCancelCause(ctx)
	return l
}

// start renews the lease until release is called. The context that it returns ends
// before the lease does.
func (l *lease) start() (_ context.Context, release func()) {
	l.deadline = time.AfterFunc(l.left(l.began), func() { l.cancel(errLeaseLost) })
	var beats sync.WaitGroup
	beats.Go(func() { l.heartbeats(l.ctx) })
	return l.ctx, func() {
		l.cancel(nil)
		beats.Wait()
		l.deadline.Stop()
	}
}

// left is how long the worker may still rely on a lease that was renewed at began.
func (l *lease) left(began time.Time) time.Duration {
	return l.service.rules.trusted() - time.Since(began)
}

// heartbeats renews the lease and stores progress until ctx ends.
func (l *lease) heartbeats(ctx context.Context) {
	c := l.service.config
	tick := time.NewTicker(min(storeEvery, c.Heartbeat))
	defer tick.Stop()
	last := time.Now()
	for {
		asked := false
		select {
		case <-ctx.Done():
			return
		case <-l.renewNow:
			asked = true
		case <-tick.C:
		}
		began := time.Now()
		progress, changed := l.latestProgress()
		if !changed && !asked && began.Sub(last) < c.Heartbeat {
			continue
		}
		err := l.renew(ctx, progress)
		switch {
		case err == nil:
			last = began
			l.deadline.Reset(l.left(began))
		case errors.Is(err, errLeaseLost):
			l.cancel(err)
			return
		case ctx.Err() == nil:
			c.Logger.WarnContext(ctx, "lease not extended", "job", l.jobID, "error", err)
		}
	}
}

func (l *lease) renew(ctx context.Context, progress []SectionProgress) error {
	ctx, cancel := context.WithTimeout(ctx, l.service.config.Heartbeat)
	defer cancel()
	if l.helps {
		_, _, err := l.updateOnce(ctx, l.service.rules.renewHelper(l.worker, progress))
		return err
	}
	job, steps, err := l.updateOnce(ctx, l.service.rules.renew(progress))
	if err == nil && len(steps) > 0 { // shards are free again
		l.service.tell(ctx, job, steps)
		l.service.callHelpers(ctx, job)
	}
	return err
}

// updateOnce applies a rule if this worker still has the job, or still helps with it.
func (l *lease) updateOnce(ctx context.Context, t transition) (Job, []Step, error) {
	if l.helps {
		return l.service.update(ctx, l.jobID, fencedHelper(l.worker, t))
	}
	return l.service.update(ctx, l.jobID, fenced(l.attempt, t))
}

// update is updateOnce, and repeats it while the store fails and the lease lasts.
func (l *lease) update(ctx context.Context, t transition) (Job, []Step, error) {
	for {
		job, steps, err := l.updateOnce(ctx, t)
		if err == nil || errors.Is(err, errLeaseLost) || errors.Is(err, errNothingToDo) || errors.Is(err, export.ErrNotFound) {
			return job, steps, err
		}
		if ctx.Err() != nil { // the end of ctx is why it failed
			return job, nil, errors.Join(context.Cause(ctx), err)
		}
		l.service.config.Logger.WarnContext(ctx, "job not written", "job", l.jobID, "error", err)
		select {
		case <-ctx.Done():
			return job, nil, errors.Join(context.Cause(ctx), err)
		case <-time.After(retryEvery):
		}
	}
}

// observe takes note of the progress of a section.
func (l *lease) observe(e export.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.progress, func(p SectionProgress) bool { return p.Key == e.Section })
	if i < 0 {
		i = len(l.progress)
		l.progress = append(l.progress, SectionProgress{})
	}
	l.progress[i] = SectionProgress{
		Key: e.Section, Records: e.Records, Binaries: e.Binaries, Bytes: e.Bytes, Done: e.Done, Total: e.Total,
	}
	l.changed = true
}

// latestProgress returns the progress, and reports whether it has changed since
// the last call.
func (l *lease) latestProgress() ([]SectionProgress, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	changed := l.changed
	l.changed = false
	return slices.Clone(l.progress), changed
}
