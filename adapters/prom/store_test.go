package prom_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/adapters/prom"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
)

// TestDamagedArchives finds one by a scrub and deletes it, and has one refused.
func TestDamagedArchives(t *testing.T) {
	w := newWorld(t)
	want := func(when string, damaged, refused float64) {
		t.Helper()
		got := gather(t, w.metrics)
		if n := value(got, "orgexport_archives_damaged"); n != damaged {
			t.Errorf("%s %v archives are damaged, want %v", when, n, damaged)
		}
		if n := value(got, "orgexport_archives_refused_total"); n != refused {
			t.Errorf("%s %v archives are refused, want %v", when, n, refused)
		}
	}
	job := w.create(t, acme, "good")
	w.work(t, nil)
	want("at first", 0, 0)
	job, err := w.Get(t.Context(), acme, job.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.kept.Delete(t.Context(), job.ObjectKey); err != nil {
		t.Fatal(err)
	}
	if r, err := w.Scrub(t.Context(), jobs.ScrubOptions{}); err != nil || r.Missing != 1 {
		t.Errorf("Scrub gives %+v, %v", r, err)
	}
	want("once it is found", 1, 0)
	if _, err := w.Delete(t.Context(), acme, job.ID); err != nil {
		t.Fatal(err)
	}
	want("once it is deleted", 0, 0)
	tell := w.metrics.Observer().Job
	refused := fmt.Errorf("read back: %w", &jobs.DamageError{Kind: jobs.DamageDigest})
	tell(t.Context(), jobs.Event{Step: jobs.StepPutOff, Err: refused})
	tell(t.Context(), jobs.Event{Step: jobs.StepFailed, Err: refused})
	tell(t.Context(), jobs.Event{Step: jobs.StepPutOff, Err: errors.New("disk full")})
	want("once two are refused", 0, 2)
}

// Runs that the machine has failed are counted by their fault. A section may call one what it
// likes, and makes no label of it.
func TestReruns(t *testing.T) {
	w := newWorld(t)
	observer := w.metrics.Observer()
	for _, fault := range []export.Fault{export.FaultConnection, export.FaultConnection, "db-7.example.com", "db-8.example.com"} {
		observer.Rerun(t.Context(), jobs.Job{}, "good", fault)
	}
	got := w.scrape(t)
	for labels, want := range map[string]float64{
		"fault=connection section=good":  2,
		"fault=other section=good":       2,
		"fault=descriptors section=good": 0,
		"fault=connection section=bad":   0,
	} {
		if got := value(got, "orgexport_section_reruns_total", strings.Fields(labels)...); got != want {
			t.Errorf("{%s} is %v, want %v", labels, got, want)
		}
	}
}

// TestWorkerAge: an alert finds a server whose workers are gone, and one that has none.
func TestWorkerAge(t *testing.T) {
	now := time.Now()
	store := &jobstest.MemStore{Now: func() time.Time { return now }}
	m, err := prom.New(prom.Config{Store: store})
	if err != nil {
		t.Fatal(err)
	}
	age := func() float64 { return value(gather(t, m), "orgexport_worker_age_seconds") }
	if got := age(); !math.IsInf(got, 1) {
		t.Errorf("before any worker it is %v", got)
	}
	if err := store.Mark(t.Context(), jobs.MarkWorker); err != nil {
		t.Fatal(err)
	}
	now = now.Add(90 * time.Second)
	if got := age(); got != 90 {
		t.Errorf("after 90 seconds it is %v", got)
	}
}
