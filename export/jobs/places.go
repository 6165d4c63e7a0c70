package jobs

import (
	"context"
	"errors"
	"time"
)

// places says which jobs a process exports. It lets one job begin at a time, so that
// what holds of the others when a job is claimed still holds when its work begins.
type places struct {
	// beginning has room for one: for the worker that claims a job, and for a job that must
	// have the process to itself until it has ended.
	beginning chan struct{}

	// All below is under Service.mu.
	running map[*lease]bool
	left    chan struct{} // closed when the next job leaves
}

func newPlaces() places {
	return places{beginning: make(chan struct{}, 1), running: make(map[*lease]bool), left: make(chan struct{})}
}

// begin waits until no other worker of this process claims a job. end is to be called. It
// reports false if ctx ends.
func (p *places) begin(ctx context.Context) (end func(), ok bool) {
	select {
	case p.beginning <- struct{}{}:
		return func() { <-p.beginning }, true
	case <-ctx.Done():
		return nil, false
	}
}

// tryBegin is begin without waiting.
func (p *places) tryBegin() (end func(), ok bool) {
	select {
	case p.beginning <- struct{}{}:
		return func() { <-p.beginning }, true
	default:
		return nil, false
	}
}

// enter notes that this process exports a job.
func (s *Service) enter(l *lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.places.running[l] = true
}

// leave notes that it does not any more.
func (s *Service) leave(l *lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.places.running, l)
	close(s.places.left)
	s.places.left = make(chan struct{})
}

// free returns what the process has free, and a channel that is closed when it has more.
func (s *Service) free() (p place, more <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p = place{node: s.config.Node, alone: len(s.places.running) == 0, able: s.able, knows: s.knows}
	for l := range s.places.running {
		p.withSuspect = p.withSuspect || l.suspect
	}
	return p, s.places.left
}

// soleOrganization returns the organization of all jobs that this process exports. It is
// empty if there are none, or several organizations.
func (s *Service) soleOrganization() (id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.places.running {
		if id != "" && id != l.organizationID {
			return ""
		}
		id = l.organizationID
	}
	return id
}

// aloneFor is how long a job that must run alone waits for the others of its process to
// end. Meanwhile no other begins. Then it is put off: see rules.waitForAlone.
const aloneFor = time.Minute

// waitAlone waits until the process exports nothing. It reports false if that takes too
// long. The caller keeps other jobs from beginning.
func (s *Service) waitAlone(ctx context.Context) bool {
	limited, cancel := context.WithTimeout(ctx, aloneFor)
	defer cancel()
	for {
		free, more := s.free()
		if free.alone {
			return true
		}
		select {
		case <-more:
		case <-limited.Done():
			return false
		}
	}
}

// keepAlone lets other jobs begin beside one that runs alone, by end, when its attempt is over
// and stop is called; or earlier, when it has run alone for long enough and a job of another
// organization waits. That time is longer in each attempt. So nobody's export keeps everybody
// else waiting, and a job that kills its worker does so alone sooner or later.
func (s *Service) keepAlone(ctx context.Context, job Job, end func()) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer end()
		pause := min(aloneFor<<min(max(job.Attempt-3, 0), maxDoublings), 30*aloneFor) // the third attempt is the first alone
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
			if s.othersWait(ctx, job) {
				s.log(job).WarnContext(ctx, "a suspect does not run alone any more, because others wait")
				return
			}
			pause = spareEvery
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// othersWait reports whether a job of another organization may begin beside a suspect. A store
// that cannot tell says yes.
func (s *Service) othersWait(ctx context.Context, job Job) bool {
	_, err := s.next(ctx, s.wantSpare(job.Organization.ID))
	return err == nil || errors.Is(err, errors.ErrUnsupported)
}

// crowd stores of the jobs beside a new one that they do not run alone any more. Else
// one of them could be charged for what the new one does.
func (s *Service) crowd(ctx context.Context, by *lease) {
	s.mu.Lock()
	var others []*lease
	for l := range s.places.running {
		if l != by && l.alone {
			l.alone = false
			others = append(others, l)
		}
	}
	s.mu.Unlock()
	for _, l := range others {
		_, _, _ = l.update(ctx, s.rules.crowd) // it fails if that job, or this one, is not this process's any more
	}
}
