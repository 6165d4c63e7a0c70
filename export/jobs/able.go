package jobs

import (
	"fmt"
	"slices"

	"github.com/orgexport/orgexport/export"
)

// able reports whether this process has the format and all sections of a job. Other
// processes may have another configuration, such as during a rolling restart.
func (s *Service) able(j Job) bool {
	_, ok := s.format(j.Format)
	_, absent := s.split(j)
	return ok && len(absent) == 0
}

// knows reports whether this process makes the same parts of the shards of a job as the worker that
// has planned them.
func (s *Service) knows(j Job) bool {
	r, err := s.workRequest(&lease{service: s, worker: j.Claims}, j)
	return err == nil && s.config.Engine.Knows(r)
}

// split returns the sections of a job that this process has, and those that it lacks.
// None means that the job is of before jobs had keys.
func (s *Service) split(j Job) (present []string, absent []SectionKey) {
	own := s.Keys()
	for _, k := range j.Keys {
		if slices.Contains(own, k.Key) {
			present = append(present, k.Key)
		} else {
			absent = append(absent, k)
		}
	}
	return present, absent
}

// keysOf returns what a job is to make that asks for these sections; none means all.
func (s *Service) keysOf(sections []string) []SectionKey {
	var keys []SectionKey
	own := s.Keys()
	for _, key := range own {
		if len(sections) == 0 || slices.Contains(sections, key) {
			keys = append(keys, SectionKey{Key: key, Required: s.config.Engine.Required(key)})
		}
	}
	for _, key := range sections { // of a job that is retried, by another configuration
		if !slices.Contains(own, key) {
			keys = append(keys, SectionKey{Key: key})
		}
	}
	return keys
}

// requestSections puts the sections of a job into a request of the engine. The error is
// an [*export.RequiredError] if a required one is missing.
func (s *Service) requestSections(r *export.Request, j Job) error {
	r.Sections = j.Sections
	if len(j.Keys) == 0 {
		return nil
	}
	present, absent := s.split(j)
	r.Sections = present
	for _, k := range absent {
		if k.Required {
			return &export.RequiredError{Result: export.SectionResult{
				Key: k.Key, Status: export.StatusError, Error: export.AbsentText,
			}}
		}
		r.Absent = append(r.Absent, k.Key)
	}
	if len(absent) > 0 {
		s.log(j).Warn("the job is exported without sections that no worker has", "sections", fmt.Sprint(r.Absent))
	}
	return nil
}
