package accesstest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/orgexport/orgexport/export/access"
)

// MemMembers is an [access.MemberStore] in memory, for tests. Its zero value is
// ready for use. It is safe for concurrent use.
type MemMembers struct {
	mu      sync.Mutex
	members map[place]access.Member
}

type place struct{ organizationID, subject string }

// PutMember implements [access.MemberStore].
func (s *MemMembers) PutMember(ctx context.Context, m access.Member) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if s.members == nil {
		s.members = make(map[place]access.Member)
	}
	s.members[place{m.OrganizationID, m.Subject}] = m
	return nil
}

// Member implements [access.MemberStore].
func (s *MemMembers) Member(ctx context.Context, organizationID, subject string) (access.Member, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return access.Member{}, context.Cause(ctx)
	}
	m, ok := s.members[place{organizationID, subject}]
	if !ok {
		return access.Member{}, fmt.Errorf("%w: member", access.ErrNotFound)
	}
	return m, nil
}

// Members implements [access.MemberStore].
func (s *MemMembers) Members(ctx context.Context, organizationID string) ([]access.Member, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var members []access.Member
	for _, m := range s.members {
		if m.OrganizationID == organizationID {
			members = append(members, m)
		}
	}
	slices.SortFunc(members, func(a, b access.Member) int { return strings.Compare(a.Subject, b.Subject) })
	return members, nil
}

// RemoveMember implements [access.MemberStore].
func (s *MemMembers) RemoveMember(ctx context.Context, organizationID, subject string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	delete(s.members, place{organizationID, subject})
	return nil
}
