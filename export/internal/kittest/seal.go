package kittest

import (
	"testing"

	"github.com/orgexport/orgexport/export"
)

// Seal exports one section, or its shards, by a [export.Sealer], and returns the last result.
func Seal(t testing.TB, e *export.Engine, r export.Request, key string) (result export.SectionResult) {
	t.Helper()
	r.Sections = []string{key}
	s, err := e.NewSealer(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	shards, _, err := s.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, shard := range shards {
		if _, result, err = s.Seal(t.Context(), shard); err != nil {
			t.Fatal(err)
		}
	}
	return result
}
