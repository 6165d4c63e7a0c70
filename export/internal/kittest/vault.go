package kittest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/orgexport/orgexport/export"
)

// Vault is a database that holds one number, with snapshots. Its zero value is ready for use,
// by several goroutines.
type Vault struct {
	// Refuse, if it is set, returns why the n-th snapshot, counted from 1, cannot be opened.
	Refuse func(n int) error

	// Loose snapshots keep nothing: they only tell whether the number is still the same.
	Loose bool

	// Joined counts how often another process has come to read a snapshot.
	Joined atomic.Int64

	mu     sync.Mutex
	number int
	tried  int
	open   map[string]int
	closed []time.Time // when each snapshot was closed
}

// OpenSnapshot implements [export.Snapshots].
func (v *Vault) OpenSnapshot(ctx context.Context, _ time.Duration) (export.Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tried++
	if v.Refuse != nil {
		if err := v.Refuse(v.tried); err != nil {
			return nil, err
		}
	}
	s := &vaultSnapshot{v, fmt.Sprint("snapshot ", v.tried), v.number}
	if v.open == nil {
		v.open = make(map[string]int)
	}
	v.open[s.id] = v.number
	return s, nil
}

// JoinSnapshot implements [export.SnapshotJoiner].
func (v *Vault) JoinSnapshot(id, moment string) (export.Snapshot, error) {
	v.Joined.Add(1)
	return joinedSnapshot{id, moment}, nil
}

// joinedSnapshot is one that another process has opened.
type joinedSnapshot struct{ id, moment string }

func (s joinedSnapshot) ID() string                  { return s.id }
func (s joinedSnapshot) Moment() string              { return s.moment }
func (s joinedSnapshot) Check(context.Context) error { return nil }
func (s joinedSnapshot) Close(context.Context)       {}

// Add changes the number.
func (v *Vault) Add(n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.number += n
}

// Kill ends all snapshots, as a restart of the database does.
func (v *Vault) Kill() {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.open)
}

// Count returns how often a snapshot was asked for, and when each one was closed.
func (v *Vault) Count() (tried int, closed []time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.tried, v.closed
}

// Read returns the number that a scope is to see.
func (v *Vault) Read(scope export.Scope) (int, error) {
	v.mu.Lock()
	number, open := v.open[scope.Snapshot]
	now, loose := v.number, v.Loose
	v.mu.Unlock()
	switch {
	case scope.Snapshot == "" || open && loose:
		return now, nil
	case open:
		return number, nil
	}
	return now, scope.SnapshotLost(fmt.Errorf("vault: %w", export.ErrSnapshotLost))
}

type vaultSnapshot struct {
	vault  *Vault
	id     string
	number int
}

func (s *vaultSnapshot) ID() string { return s.id }

func (s *vaultSnapshot) Moment() string { return fmt.Sprint("number ", s.number) }

func (s *vaultSnapshot) Check(context.Context) error {
	s.vault.mu.Lock()
	defer s.vault.mu.Unlock()
	if s.vault.Loose && s.vault.number != s.number {
		return errors.New("vault: the number has changed")
	}
	return nil
}

func (s *vaultSnapshot) Close(context.Context) {
	s.vault.mu.Lock()
	defer s.vault.mu.Unlock()
	delete(s.vault.open, s.id)
	s.vault.closed = append(s.vault.closed, time.Now())
}

// Reads returns a section that writes the number of a vault into two files. step, which may
// be nil, is called between them.
func Reads(key string, v *Vault, step func(ctx context.Context) error) export.Section {
	return vaultSection{section{key, func(ctx context.Context, scope export.Scope, sink export.Sink) error {
		for _, name := range []string{"first.json", "second.json"} {
			n, err := v.Read(scope)
			if err == nil {
				err = sink.Record(name, Row("number", n))
			}
			if err == nil && name == "first.json" && step != nil {
				err = step(ctx)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}}, v}
}

type vaultSection struct {
	section
	vault *Vault
}

// Snapshots implements [export.SnapshotReader].
func (s vaultSection) Snapshots() export.Snapshots { return s.vault }

// Wait returns a step that takes a while.
func Wait(d time.Duration) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// WithFile adds a file that is no record to a section.
func WithFile(s export.Section, name string, content io.Reader) export.Section {
	v := s.(vaultSection)
	run := v.run
	v.run = func(ctx context.Context, scope export.Scope, sink export.Sink) error {
		return errors.Join(run(ctx, scope, sink), sink.Binary(name, content))
	}
	return v
}
