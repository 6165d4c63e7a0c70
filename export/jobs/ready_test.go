package jobs_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

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

func (d unreadyDispatcher) Check(context.Context) error { return d.err }

func TestDispatcherReady(t *testing.T) {
	cause := errors.New("no route")
	n := newNode(t, func(c *jobs.Config) { c.Dispatcher = unreadyDispatcher{c.Dispatcher, cause} }, fine("a"))
	var port *jobs.NotReadyError
	if err := n.Ready(t.Context()); !errors.Is(err, cause) || !errors.As(err, &port) || port.Port != "dispatcher" {
		t.Errorf("Ready gives %v", err)
	}
}

func TestFormats(t *testing.T) {
	if got, want := newNode(t, nil, fine("a")).Formats(), []string{"zip", "tar.gz"}; !slices.Equal(got, want) {
		t.Errorf("Formats gives %q, want %q", got, want)
	}
}
