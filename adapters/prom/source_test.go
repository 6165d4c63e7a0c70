package prom_test

import (
	"testing"

	"github.com/orgexport/orgexport/adapters/prom"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/sections"
)

// TestSourceProblems: what is gone is 0, and not missing.
func TestSourceProblems(t *testing.T) {
	engine, err := export.New(export.Config{Sections: []export.Section{sections.New("a", nil), sections.New("b", nil)}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := prom.New(prom.Config{Engine: engine})
	if err != nil {
		t.Fatal(err)
	}
	const name = "orgexport_source_problems"
	if f := gather(t, m)[name]; f != nil {
		t.Errorf("before a check there is %v", f)
	}
	for _, c := range []struct {
		set              map[string]int
		all, a, b, other float64
		series           int
	}{
		{nil, 0, 0, 0, 0, 3},
		{map[string]int{"a": 2, "": 1}, 1, 2, 0, 0, 3},
		{map[string]int{"other": 3, "b": 1}, 0, 0, 1, 3, 4},
		{nil, 0, 0, 0, 0, 4},
	} {
		m.SourceProblems(c.set)
		got := gather(t, m)
		for key, want := range map[string]float64{"": c.all, "a": c.a, "b": c.b, "other": c.other} {
			if n := len(got[name].GetMetric()); n != c.series {
				t.Errorf("after %v there are %d series, want %d", c.set, n, c.series)
			}
			if key == "other" && c.series == 3 {
				continue
			}
			if v := value(got, name, "section="+key); v != want {
				t.Errorf("after %v section %q has %v, want %v", c.set, key, v, want)
			}
		}
	}
}
