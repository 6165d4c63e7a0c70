package httpapi

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/orgexport/orgexport/export/jobs"
)

// A watched job is read from the store after watchFirst, as most have ended soon, then after
// twice as long, and so on until it is read every watchEvery. Workers do not write it more
// often.
const (
	watchFirst = 50 * time.Millisecond
	watchEvery = time.Second
)

// jobKey names a job that is watched.
type jobKey struct{ organizationID, jobID string }

// watchers let any number of clients watch jobs. Each job is read once for all of its
// clients. It is read from the store, so that it may run anywhere.
type watchers struct {
	get func(ctx context.Context, organizationID, jobID string) (jobs.Job, error)
	log *slog.Logger

	mu   sync.Mutex
	jobs map[jobKey]*watched
}

// watched is a job that is watched.
type watched struct {
	stop     context.CancelFunc
	watchers map[chan jobs.Job]bool // each holds one, the newest
}

// watch returns a channel that gets the job each time it is read. A slow receiver misses
// some. All receivers get the same job and must not change it. The caller must call
// leave once.
func (w *watchers) watch(key jobKey) (updates <-chan jobs.Job, leave func()) {
	c := make(chan jobs.Job, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	j := w.jobs[key]
	if j == nil {
		ctx, stop := context.WithCancel(context.Background()) //nolint:forbidigo // it is no request's: it ends with the last watcher
		j = &watched{stop: stop, watchers: make(map[chan jobs.Job]bool)}
		if w.jobs == nil {
			w.jobs = make(map[jobKey]*watched)
		}
		w.jobs[key] = j
		go w.read(ctx, key, j)
	}
	j.watchers[c] = true
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(j.watchers, c)
		if len(j.watchers) == 0 {
			j.stop()
			delete(w.jobs, key)
		}
	}
}

// read reads a job again and again until nobody watches it. It goes on after a failure;
// of several in a row the first is logged.
func (w *watchers) read(ctx context.Context, key jobKey, j *watched) {
	timer, wait := time.NewTimer(watchFirst), watchFirst
	defer timer.Stop()
	for failing := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		wait = min(2*wait, watchEvery)
		timer.Reset(wait)
		job, err := w.get(ctx, key.organizationID, key.jobID)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			if !failing {
				w.log.WarnContext(ctx, "watched job not read", "job", key.jobID, "organization", key.organizationID, "error", err)
			}
			failing = true
			continue
		}
		failing = false
		w.mu.Lock()
		for c := range j.watchers {
			select {
			case <-c: // what it has not taken is old
			default:
			}
			c <- job
		}
		w.mu.Unlock()
	}
}
