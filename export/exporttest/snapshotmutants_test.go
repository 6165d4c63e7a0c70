package exporttest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/internal/kittest"
)

// brokenVault is a vault with a defect, which sets one of the fields.
type brokenVault struct {
	kittest.Vault
	blind  bool // Check finds nothing
	wary   bool // Check always finds something
	moment string
	id     string // of all snapshots, if it is set
	open   bool   // Close does nothing
	any    bool   // every ID can be read
	deaf   kittest.Deaf
	max    int // how many may be opened ever, if it is set
}

func bedOf(v *brokenVault) SnapshotBed {
	return SnapshotBed{
		Snapshots: v,
		Read: func(_ context.Context, id string) (string, error) {
			if v.any {
				return "any", nil
			}
			n, err := v.Read(export.Scope{Snapshot: id})
			return fmt.Sprint(n), err
		},
		Write: func(context.Context) error {
			v.Add(1)
			return nil
		},
	}
}

func (v *brokenVault) OpenSnapshot(ctx context.Context, maxAge time.Duration) (export.Snapshot, error) {
	if v.max > 0 {
		if tried, _ := v.Count(); tried >= v.max {
			return nil, errors.New("one too many")
		}
	}
	s, err := v.Vault.OpenSnapshot(v.deaf.Hears(ctx), maxAge)
	return &brokenSnapshot{s, v}, err
}

type brokenSnapshot struct {
	export.Snapshot
	vault *brokenVault
}

func (s *brokenSnapshot) ID() string {
	if s.vault.id != "" {
		return s.vault.id
	}
	return s.Snapshot.ID()
}

func (s *brokenSnapshot) Moment() string {
	if s.vault.moment != "" {
		return s.vault.moment
	}
	return s.Snapshot.Moment()
}

func (s *brokenSnapshot) Check(ctx context.Context) error {
	switch {
	case s.vault.blind:
		return nil
	case s.vault.wary:
		return errors.New("who knows")
	}
	return s.Snapshot.Check(ctx)
}

func (s *brokenSnapshot) Close(ctx context.Context) {
	if !s.vault.open {
		s.Snapshot.Close(ctx)
	}
}

func TestSnapshotMutants(t *testing.T) {
	type V = *brokenVault
	fresh := func(breaks func(V)) SnapshotBed {
		v := new(brokenVault)
		breaks(v)
		return bedOf(v)
	}
	kittest.TestMutants(t, snapshotPromises, fresh, []kittest.Mutant[V]{
		{"KeepsItsMomentOrSaysNot", func(v V) { v.Loose, v.blind = true, true }, "Check finds nothing"},
		{"IsWholeIfNobodyWrites", func(v V) { v.wary = true }, "nobody has written"},
		{"MomentsOfOtherDataDiffer", func(v V) { v.moment = "now" }, "the moments of other data"},
		{"EveryIDIsAnother", func(v V) { v.id = "one" }, "two snapshots have the ID"},
		{"IsLostWhenClosed", func(v V) { v.open = true }, "want ErrSnapshotLost"},
		{"OthersAreLost", func(v V) { v.any = true }, "want ErrSnapshotLost"},
		{"OpensNoneForACancelledContext", func(v V) { v.deaf = true }, "with a cancelled context"},
		{"Concurrent", func(v V) { v.max = kittest.AtOnce / 2 }, "one too many"},
	})
}

func TestVault(t *testing.T) {
	for _, loose := range []bool{false, true} {
		t.Run(fmt.Sprint("loose ", loose), func(t *testing.T) {
			RunSnapshots(t, func(*testing.T) SnapshotBed {
				v := new(brokenVault)
				v.Loose = loose
				return bedOf(v)
			})
		})
	}
}
