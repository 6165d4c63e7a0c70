package jobstest

import (
	"errors"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

// storeMarks passes if the store is no jobs.Marker.
func storeMarks(t testing.TB, s jobs.Store) {
	m, ok := s.(jobs.Marker)
	if !ok {
		return
	}
	ctx := t.Context()
	if _, err := m.Marked(ctx, "a"); !errors.Is(err, export.ErrNotFound) {
		t.Errorf("Marked before Mark gives %v, want ErrNotFound", err)
	}
	mark := func() {
		t.Helper()
		if err := m.Mark(ctx, "a"); err != nil {
			t.Fatalf("Mark: %v", err)
		}
	}
	age := func() time.Duration {
		t.Helper()
		age, err := m.Marked(ctx, "a")
		if err != nil {
			t.Fatalf("Marked: %v", err)
		}
		if age < 0 || age > time.Minute {
			t.Fatalf("Marked says that Mark was %v ago", age)
		}
		return age
	}
	mark()
	age()
	if _, err := m.Marked(ctx, "b"); !errors.Is(err, export.ErrNotFound) {
		t.Errorf("Marked of another name gives %v, want ErrNotFound", err)
	}
	for range 10 { // because the second age may be great on a busy machine
		for age() < 50*time.Millisecond {
			time.Sleep(time.Millisecond)
		}
		old := age()
		if mark(); age() < old {
			return
		}
	}
	t.Error("a second Mark changes nothing")
}

func storeMarksCancelled(t testing.TB, s jobs.Store) {
	if m, ok := s.(jobs.Marker); ok {
		kittest.WantCancelled(t, "Mark", m.Mark(kittest.Cancelled(t), "a"))
		_, err := m.Marked(kittest.Cancelled(t), "a")
		kittest.WantCancelled(t, "Marked", err)
	}
}
