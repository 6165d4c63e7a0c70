package jobs

import (
	"context"
	"time"
)

// spareEvery is how often a process looks for a job that waits behind those of a single
// organization. It has seen the job wait twice before it does something: a free worker
// takes a job sooner.
const spareEvery = time.Second

// keepSpare runs one more worker than the process has, while all of its workers export
// jobs of one organization and a job of another waits. So nobody's long exports can keep
// everybody else waiting. It returns when ctx ends, and hands its job back.
func (s *Service) keepSpare(ctx context.Context) {
	tick := time.NewTicker(spareEvery)
	defer tick.Stop()
	waiting := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		id, organization := s.waitsBehind(ctx)
		if id == "" || id != waiting {
			waiting = id
			continue
		}
		waiting = ""
		if err := s.workSpare(ctx, organization); err != nil && ctx.Err() == nil {
			s.config.Logger.ErrorContext(ctx, "the spare worker failed", "error", err)
		}
	}
}

// waitsBehind returns a job that waits while this process exports jobs of one other
// organization only. The id is empty if there is none.
func (s *Service) waitsBehind(ctx context.Context) (id, organization string) {
	if organization = s.soleOrganization(); organization == "" {
		return "", ""
	}
	id, err := s.next(ctx, s.wantSpare(organization))
	if err != nil {
		return "", "" // as a rule there is none
	}
	return id, organization
}

// wantSpare is what the spare worker may claim. It is no place for suspects.
func (s *Service) wantSpare(organization string) Want {
	return Want{NoSuspects: true, NotOrganization: organization, PerOrganization: s.config.PerOrganization, NoHelp: true}
}

// workSpare exports a job that waits behind those of an organization.
func (s *Service) workSpare(ctx context.Context, organization string) error {
	end, ok := s.places.tryBegin()
	if !ok {
		return nil // another worker is about to
	}
	if s.soleOrganization() != organization || s.stopping() {
		end()
		return nil
	}
	l, job, err := s.claimNext(ctx, "", s.wantSpare(organization))
	if l != nil {
		s.log(job).InfoContext(ctx, "a spare worker exports the job", "behind", organization)
	}
	return s.export(ctx, l, job, end, err)
}
