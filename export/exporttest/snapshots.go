package exporttest

import (
	"context"
	"errors"
	"testing"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/internal/kittest"
)

// SnapshotBed is a database for [RunSnapshots]. Nothing but Write changes it.
type SnapshotBed struct {
	export.Snapshots

	// Read returns what a query reads by the ID of a snapshot, or its error. It can be the
	// QueryAt of a sections.Snapshotter.
	Read func(ctx context.Context, id string) (string, error)

	// Write changes what is read from now on, to something that was never there.
	Write func(ctx context.Context) error
}

// RunSnapshots checks an [export.Snapshots] against its documentation. newBed returns one for each
// subtest, of which two snapshots can be open at once.
func RunSnapshots(t *testing.T, newBed func(t *testing.T) SnapshotBed) {
	t.Helper()
	kittest.Run(t, snapshotPromises, newBed)
}

var snapshotPromises = []kittest.Promise[SnapshotBed]{
	{"KeepsItsMomentOrSaysNot", snapshotKeeps},
	{"IsWholeIfNobodyWrites", snapshotIsWhole},
	{"MomentsOfOtherDataDiffer", snapshotMoments},
	{"EveryIDIsAnother", snapshotIDs},
	{"IsLostWhenClosed", snapshotCloses},
	{"OthersAreLost", snapshotOthers},
	{"OpensNoneForACancelledContext", snapshotCancelled},
	{"Concurrent", snapshotConcurrent},
}

func openSnapshot(t testing.TB, bed SnapshotBed) export.Snapshot {
	t.Helper()
	s, err := bed.OpenSnapshot(t.Context(), 0)
	if err != nil {
		t.Fatalf("OpenSnapshot: %v", err)
	}
	t.Cleanup(func() { s.Close(context.WithoutCancel(t.Context())) })
	return s
}

func readSnapshot(t testing.TB, bed SnapshotBed, s export.Snapshot) string {
	t.Helper()
	text, err := bed.Read(t.Context(), s.ID())
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	return text
}

func (b SnapshotBed) write(t testing.TB) {
	t.Helper()
	if err := b.Write(t.Context()); err != nil {
		t.Fatalf("Write: %v", err)
	}
}

func snapshotKeeps(t testing.TB, bed SnapshotBed) {
	s := openSnapshot(t, bed)
	before := readSnapshot(t, bed, s)
	bed.write(t)
	after := readSnapshot(t, bed, s)
	if err := s.Check(t.Context()); err == nil && after != before {
		t.Errorf("%q was read, and after a change %q, and Check finds nothing", before, after)
	}
}

func snapshotIsWhole(t testing.TB, bed SnapshotBed) {
	s := openSnapshot(t, bed)
	for range 2 {
		readSnapshot(t, bed, s)
		if err := s.Check(t.Context()); err != nil {
			t.Errorf("nobody has written, and Check gives %v", err)
		}
	}
}

func snapshotMoments(t testing.TB, bed SnapshotBed) {
	first := openSnapshot(t, bed)
	bed.write(t)
	if second := openSnapshot(t, bed); second.Moment() == first.Moment() || first.Moment() == "" {
		t.Errorf("the moments of other data are %q and %q", first.Moment(), second.Moment())
	}
}

func snapshotIDs(t testing.TB, bed SnapshotBed) {
	first, second := openSnapshot(t, bed), openSnapshot(t, bed)
	if first.ID() == second.ID() || first.ID() == "" {
		t.Errorf("two snapshots have the ID %q", first.ID())
	}
}

// wantLost checks that an ID cannot be read.
func wantLost(t testing.TB, bed SnapshotBed, id string) {
	t.Helper()
	if _, err := bed.Read(t.Context(), id); !errors.Is(err, export.ErrSnapshotLost) || export.MachineFault(err) != "" {
		t.Errorf("Read of %.40q gives %v, want ErrSnapshotLost", id, err)
	}
}

func snapshotCloses(t testing.TB, bed SnapshotBed) {
	s := openSnapshot(t, bed)
	s.Close(t.Context())
	wantLost(t, bed, s.ID())
	s.Close(t.Context())
	readSnapshot(t, bed, openSnapshot(t, bed))
}

func snapshotOthers(t testing.TB, bed SnapshotBed) {
	s := openSnapshot(t, bed)
	for _, id := range []string{s.ID() + "0", "'; SELECT 1; --", " "} {
		wantLost(t, bed, id)
	}
}

func snapshotCancelled(t testing.TB, bed SnapshotBed) {
	s, err := bed.OpenSnapshot(kittest.Cancelled(t), 0)
	if err == nil {
		s.Close(t.Context())
	}
	kittest.WantCancelled(t, "OpenSnapshot", err)
}

func snapshotConcurrent(t testing.TB, bed SnapshotBed) {
	kittest.Together(func(int) {
		s, err := bed.OpenSnapshot(t.Context(), 0)
		if err != nil {
			t.Errorf("OpenSnapshot of many at once: %v", err)
			return
		}
		if _, err := bed.Read(t.Context(), s.ID()); err != nil {
			t.Errorf("Read of many at once: %v", err)
		}
		s.Close(t.Context())
	})
}
