package otel_test

import (
	"context"
	"errors"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/orgexport/orgexport/adapters/otel"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/exporttest"
	"github.com/orgexport/orgexport/export/faulttest"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
)

func newTracer() *otel.Tracer { return otel.New(otel.Config{Provider: sdktrace.NewTracerProvider()}) }

// TestKits runs the kits of the ports on what is traced.
func TestKits(t *testing.T) {
	t.Run("store", func(t *testing.T) {
		jobstest.RunStore(t, func(*testing.T) jobs.Store { return newTracer().Store(&jobstest.MemStore{Again: true}) })
	})
	t.Run("spool", func(t *testing.T) {
		exporttest.RunSpool(t, func(*testing.T) export.Spool { return newTracer().Spool(new(exporttest.MemSpool)) })
	})
	t.Run("destination", func(t *testing.T) {
		jobstest.RunDestination(t, func(*testing.T) jobs.Destination { return newTracer().Destination(new(jobstest.MemDestination)) })
	})
}

var (
	errNotReady = errors.New("not ready")
	errNotSwept = errors.New("not swept")
)

// TestWhatPortsMayDo keeps what the interfaces of the ports do not have.
func TestWhatPortsMayDo(t *testing.T) {
	tracer := newTracer()
	ready := func(port any) error { return port.(export.Checker).Check(t.Context()) }
	for name, port := range map[string]any{
		"store":       tracer.Store(ableStore{new(jobstest.MemStore)}),
		"spool":       tracer.Spool(ableSpool{new(exporttest.MemSpool)}),
		"destination": tracer.Destination(ableDestination{new(jobstest.MemDestination)}),
	} {
		if err := ready(port); !errors.Is(err, errNotReady) {
			t.Errorf("Check of a %s gives %v", name, err)
		}
	}
	for name, port := range map[string]any{
		"store":       tracer.Store(faulttest.New().Store(new(jobstest.MemStore))),
		"spool":       tracer.Spool(new(exporttest.MemSpool)),
		"destination": tracer.Destination(new(jobstest.MemDestination)),
	} {
		if err := ready(port); err != nil {
			t.Errorf("Check of a %s that cannot tell gives %v", name, err)
		}
	}
	if n, err := tracer.Spool(ableSpool{new(exporttest.MemSpool)}).(export.FreeSpacer).FreeSpace(); n != 7 || err != nil {
		t.Errorf("FreeSpace gives %d, %v", n, err)
	}
	if _, err := tracer.Spool(new(exporttest.MemSpool)).(export.FreeSpacer).FreeSpace(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("FreeSpace of who does not know gives %v", err)
	}
	sweep := func(port any) error { return port.(export.Sweeper).Sweep(t.Context()) }
	for name, port := range map[string]any{
		"spool":       tracer.Spool(ableSpool{new(exporttest.MemSpool)}),
		"destination": tracer.Destination(ableDestination{new(jobstest.MemDestination)}),
	} {
		if err := sweep(port); !errors.Is(err, errNotSwept) {
			t.Errorf("Sweep of a %s gives %v", name, err)
		}
	}
	if err := errors.Join(sweep(tracer.Spool(new(exporttest.MemSpool))), sweep(tracer.Destination(new(jobstest.MemDestination)))); err != nil {
		t.Errorf("Sweep where there is nothing to sweep gives %v", err)
	}
	bare := struct{ export.Spool }{new(exporttest.MemSpool)}
	if _, err := tracer.Spool(bare).(export.JobLister).Jobs(t.Context()); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Jobs of who does not know gives %v", err)
	}
	if _, err := jobs.ArchivesOf(t.Context(), tracer.Store(faulttest.New().Store(new(jobstest.MemStore))), "", 1); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Archives of who does not know gives %v", err)
	}
	plain := tracer.Destination(struct{ jobs.Destination }{new(jobstest.MemDestination)})
	if _, err := jobs.SizeOf(t.Context(), plain, "a"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Size of who does not know gives %v", err)
	}
	if jobs.Confirms(plain) || !jobs.Confirms(tracer.Destination(new(jobstest.MemConfirmer))) {
		t.Error("Confirms gives something else than that of the destination")
	}
	if _, err := jobs.StatsOf(t.Context(), tracer.Store(new(jobstest.MemStore))); err != nil {
		t.Errorf("Stats gives %v", err)
	}
	if _, err := jobs.StatsOf(t.Context(), tracer.Store(faulttest.New().Store(new(jobstest.MemStore)))); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Stats of who does not know gives %v", err)
	}
}

type ableStore struct{ *jobstest.MemStore }

func (ableStore) Check(context.Context) error { return errNotReady }

type ableSpool struct{ *exporttest.MemSpool }

func (ableSpool) Check(context.Context) error { return errNotReady }
func (ableSpool) Sweep(context.Context) error { return errNotSwept }
func (ableSpool) FreeSpace() (int64, error)   { return 7, nil }

type ableDestination struct{ *jobstest.MemDestination }

func (ableDestination) Check(context.Context) error { return errNotReady }
func (ableDestination) Sweep(context.Context) error { return errNotSwept }
