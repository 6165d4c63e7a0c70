package export_test

import (
	"bytes"
	"testing"

	"github.com/orgexport/orgexport/export"
)

// TestAbsentSections asks for sections that the engine does not have, beside one that it
// has and alone.
func TestAbsentSections(t *testing.T) {
	e := engine(t, nil, writes("a", func(s export.Sink) error { return s.Binary("x", bytes.NewReader([]byte("x"))) }), writes("b", func(export.Sink) error { return nil }))
	for _, test := range []struct {
		sections, absent []string
		want             []export.SectionResult
	}{
		{[]string{"a"}, []string{"gone", "aardvark"}, []export.SectionResult{
			{Key: "a", Status: export.StatusOK}, {Key: "gone", Status: export.StatusError, Error: export.AbsentText},
			{Key: "aardvark", Status: export.StatusError, Error: export.AbsentText},
		}},
		{nil, []string{"gone"}, []export.SectionResult{{Key: "gone", Status: export.StatusError, Error: export.AbsentText}}},
	} {
		r := request()
		r.Sections, r.Absent = test.sections, test.absent
		result, err := e.Export(t.Context(), r, new(bytes.Buffer))
		if err != nil {
			t.Fatal(err)
		}
		if len(result.Sections) != len(test.want) {
			t.Fatalf("the inventory is %+v", result.Sections)
		}
		for i, got := range result.Sections {
			want := test.want[i]
			if got.Key != want.Key || got.Status != want.Status || got.Error != want.Error {
				t.Errorf("section %d is %+v, want %+v", i, got, want)
			}
		}
	}
	for _, wrong := range [][]string{{"a"}, {"gone", "gone"}, {"../x"}} {
		r := request()
		r.Absent = wrong
		if _, err := e.Export(t.Context(), r, new(bytes.Buffer)); err == nil {
			t.Errorf("the absent sections %q are taken", wrong)
		}
	}
}
