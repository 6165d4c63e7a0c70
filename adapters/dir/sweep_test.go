package dir_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orgexport/orgexport/adapters/dir"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
	"github.com/orgexport/orgexport/export/record"
)

const zombieOrg = "H9cNmGXLEc8NWcZzSThA9S"

// gate holds one Put up before it is committed: its process knows of nothing, not
// even of the end of its context, until it is let on.
type gate struct {
	closed         atomic.Bool
	arrived, letOn chan struct{}
}

func (g *gate) put(ctx context.Context, write func(io.Writer) error, put func(context.Context, func(io.Writer) error) error) error {
	if !g.closed.CompareAndSwap(true, false) {
		return put(ctx, write)
	}
	return put(context.WithoutCancel(ctx), func(w io.Writer) error {
		err := write(w)
		close(g.arrived)
		<-g.letOn
		return err
	})
}

type gatedSpool struct {
	*dir.Spool
	*gate
}

func (s gatedSpool) Put(ctx context.Context, id export.PartID, write func(io.Writer) error) error {
	return s.put(ctx, write, func(ctx context.Context, write func(io.Writer) error) error { return s.Spool.Put(ctx, id, write) })
}

type gatedDestination struct {
	*dir.Destination
	*gate
}

func (d gatedDestination) Put(ctx context.Context, key string, write func(io.Writer) error) error {
	return d.put(ctx, write, func(ctx context.Context, write func(io.Writer) error) error {
		return d.Destination.Put(ctx, key, write)
	})
}

// installation is services on one folder, and a store whose clock can be put
// forward.
type installation struct {
	*jobs.Service
	jobstest.MemDispatcher
	path            string
	passed          atomic.Int64
	config          jobs.Config
	spool, archives gate
}

type oneRecord struct{}

func (oneRecord) Key() string { return "a" }
func (oneRecord) Export(_ context.Context, _ export.Scope, sink export.Sink) error {
	return sink.Record("it.yaml", record.Row{Columns: []string{"n"}, Values: []any{1}})
}

func newInstallation(t *testing.T) *installation {
	i := &installation{path: t.TempDir()}
	i.config = jobs.Config{
		Store:         &jobstest.MemStore{Now: func() time.Time { return time.Now().Add(time.Duration(i.passed.Load())) }},
		Dispatcher:    &i.MemDispatcher,
		Signer:        new(jobstest.MemSigner),
		Organizations: jobstest.MemOrganizations{zombieOrg: {ID: zombieOrg, Slug: "acme"}},
		Logger:        slog.New(slog.DiscardHandler),
	}
	i.Service = i.node(t)
	return i
}

// node is a service of another process, as it were.
func (i *installation) node(t *testing.T) *jobs.Service {
	t.Helper()
	engine, err := export.New(export.Config{
		Sections: []export.Section{oneRecord{}},
		Spool:    gatedSpool{newSpool(t, filepath.Join(i.path, "parts")), &i.spool},
		Logger:   i.config.Logger,
	})
	if err != nil {
		t.Fatal(err)
	}
	c := i.config
	c.Engine, c.Destination = engine, gatedDestination{newDestination(t, filepath.Join(i.path, "archives")), &i.archives}
	s, err := jobs.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (i *installation) create(t *testing.T) jobs.Job {
	t.Helper()
	job, _, err := i.Create(t.Context(), jobs.Request{OrganizationID: zombieOrg})
	if err != nil {
		t.Fatal(err)
	}
	return job
}

func (i *installation) work(t *testing.T) {
	t.Helper()
	for _, task := range i.Take() {
		if err := i.Work(t.Context(), task); err != nil {
			t.Errorf("Work: %v", err)
		}
	}
}

// pass lets time pass, and what is due be purged.
func (i *installation) pass(t *testing.T, d time.Duration) {
	t.Helper()
	i.passed.Add(int64(d))
	if err := i.Reap(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// outlives makes a job whose worker commits to what is behind a gate after the
// job was cancelled and purged.
func (i *installation) outlives(t *testing.T, g *gate) {
	t.Helper()
	g.arrived, g.letOn = make(chan struct{}), make(chan struct{})
	g.closed.Store(true)
	job := i.create(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		i.work(t)
	}()
	<-g.arrived
	if _, err := i.Delete(t.Context(), zombieOrg, job.ID); err != nil {
		t.Fatal(err)
	}
	i.pass(t, time.Hour)
	if got, err := i.Get(t.Context(), zombieOrg, job.ID); err != nil || got.Status != jobs.Failed || !got.PurgeAt.IsZero() {
		t.Fatalf("the job is %+v, %v, want it cancelled and purged", got, err)
	}
	before := i.there(t)
	close(g.letOn)
	<-done
	if after := i.there(t); len(after) != len(before)+1 {
		t.Fatalf("the zombie has committed nothing: there is %v, then %v", before, after)
	}
}

// there are the paths of all files that are not temporary.
func (i *installation) there(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(files(t, i.path), func(name string) bool { return strings.Contains(name, "~tmp") })
}

func (i *installation) write(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		name = filepath.Join(i.path, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestZombiesAreSwept has workers that commit an archive and a part after the
// purge, and a process that died before it did.
func TestZombiesAreSwept(t *testing.T) {
	i := newInstallation(t)
	i.create(t) // of which the archive will be kept, and not the part
	i.work(t)
	i.pass(t, 48*time.Hour)
	i.create(t) // of which both will be
	i.work(t)
	i.write(t, "archives/notes.txt", "archives/"+zombieOrg+"/"+strings.Repeat("2", 22)+"/1.zip",
		"parts/"+strings.Repeat("2", 22)+"/a-0-1.part", "parts/notes.txt")
	want := i.there(t)
	if len(want) != 7 {
		t.Fatalf("there is %v", want)
	}
	for range 2 { // there is always another zombie
		i.outlives(t, &i.archives)
		i.outlives(t, &i.spool)
		i.write(t, "archives/~tmp/LEFT", "parts/~tmp/LEFT")
		i.create(t)
		nodes := []*jobs.Service{i.Service, i.node(t), i.node(t)}
		i.write(t, "archives/~tmp/LEFT", "parts/~tmp/LEFT") // after the folders were opened
		var sweeping sync.WaitGroup
		for n := range 12 {
			sweeping.Go(func() {
				if err := errors.Join(nodes[n%3].Sweep(t.Context()), nodes[n%3].Reap(t.Context())); err != nil {
					t.Error(err)
				}
			})
		}
		i.work(t) // meanwhile
		sweeping.Wait()
		got := i.there(t)
		if left := files(t, i.path); len(left) != len(got) {
			t.Errorf("of dead processes there is %v", left)
		}
		if fresh := slices.DeleteFunc(got, func(name string) bool { return slices.Contains(want, name) }); len(fresh) != 2 {
			t.Errorf("beside what was there is %v, want an archive and a part", fresh)
		}
		if want = i.there(t); len(want) != 9 {
			t.Fatalf("there is %v", want)
		}
		i.purgeLast(t)
		want = i.there(t)
	}
}

// purgeLast purges the newest job.
func (i *installation) purgeLast(t *testing.T) {
	t.Helper()
	list, _, err := i.List(t.Context(), zombieOrg, jobs.Page{Number: 1, Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := i.Delete(t.Context(), zombieOrg, list[0].ID); err != nil {
		t.Fatal(err)
	}
}
