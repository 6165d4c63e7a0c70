package jobs_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export/jobs"
)

type unreadyStore struct {
	jobs.Store
	err error
}

func (s unreadyStore) Check(context.Context) error { return s.err }

func TestReady(t *testing.T) {
	cause := errors.New("no route")
	for _, want := range []error{nil, cause} {
		n := newNode(t, func(c *jobs.Config) { c.Store = unreadyStore{c.Store, want} }, fine("a"))
		err := n.Ready(t.Context())
		var port *jobs.NotReadyError
		if !errors.Is(err, want) || errors.As(err, &port) != (want != nil) {
			t.Errorf("Ready gives %v, want %v", err, want)
		}
		if port != nil && (port.Port != "store" || !strings.Contains(err.Error(), "the store is not ready: no route")) {
			t.Errorf("Ready gives %v", err)
		}
	}
}

type unreadyDispatcher struct {
	jobs.Dispatcher
	err error
}

func (d unreadyDispatcher) Check(ctx context.Context) error { return errors.Join(d.err, ctx.Err()) }

func TestDispatcherReady(t *testing.T) {
	cause := errors.New("no route")
	n := newNode(t, func(c *jobs.Config) { c.Dispatcher = unreadyDispatcher{c.Dispatcher, cause} }, fine("a"))
	var port *jobs.NotReadyError
	if err := n.Ready(t.Context()); !errors.Is(err, cause) || !errors.As(err, &port) || port.Port != "dispatcher" {
		t.Errorf("Ready gives %v", err)
	}
}

// TestReadyAsksAllAtOnce: a port that does not answer, and one that panics, are named, and
// the others are not.
func TestReadyAsksAllAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, func(c *jobs.Config) {
			c.Store, c.Dispatcher = hangingStore{c.Store}, unreadyDispatcher{c.Dispatcher, nil}
			c.Destination = panickingDestination{c.Destination}
		}, fine("a"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := n.Ready(ctx)
		const want = "jobs: the store is not ready: context deadline exceeded\njobs: the destination is not ready: its check panicked: no disk"
		if err == nil || err.Error() != want {
			t.Errorf("Ready gives %v, want %s", err, want)
		}
	})
}

type hangingStore struct{ jobs.Store }

func (hangingStore) Check(ctx context.Context) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

type panickingDestination struct{ jobs.Destination }

func (panickingDestination) Check(context.Context) error { panic("no disk") }

func TestFormats(t *testing.T) {
	if got, want := newNode(t, nil, fine("a")).Formats(), []string{"zip", "tar.gz"}; !slices.Equal(got, want) {
		t.Errorf("Formats gives %q, want %q", got, want)
	}
}
