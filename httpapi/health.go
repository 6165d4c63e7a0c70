package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/orgexport/orgexport/export/jobs"
)

var errStopping = errors.New("httpapi: the server is to stop")

// healthy answers /healthz: the process lives.
func (a *api) healthy(w http.ResponseWriter, _ *http.Request) { writeReport(w) }

// readyAge is how old an answer of /readyz may be. Whoever asks more often, or many at
// once, makes no more checks.
const readyAge = time.Second

// readiness is an answer of /readyz: what is not ready or, if all is, warnings.
type readiness struct {
	notReady []string
	warnings []readWarning
}

// ready answers /readyz: requests can be served, perhaps with warnings, or what is not
// ready. It is not limited. Everybody may ask it, and load balancers have to.
func (a *api) ready(w http.ResponseWriter, r *http.Request) {
	found, err := a.readiness.get(r.Context(), readyAge, func() readiness {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), a.config.ReadyTimeout)
		defer cancel()
		if names := a.notReady(ctx); len(names) > 0 {
			return readiness{notReady: names}
		}
		return readiness{warnings: a.warnings(ctx)}
	})
	if err != nil {
		return // the client has gone
	}
	names := found.notReady
	select {
	case <-a.config.Stopping: // which is known at once
		a.log(r.Context()).WarnContext(r.Context(), "not ready", "what", "server", "error", errStopping)
		names = append([]string{"server"}, names...)
	default:
	}
	if len(names) == 0 {
		writeReport(w, found.warnings...)
		return
	}
	e := a.problem(http.StatusServiceUnavailable, fmt.Sprintf(detailNotReady, strings.Join(names, ", ")))
	e.Details = map[string]any{"not_ready": names}
	a.writeProblem(w, e)
}

// notReady checks all that requests need, and returns the names of what is not ready.
func (a *api) notReady(ctx context.Context) (names []string) {
	refuse := func(name string, err error) {
		names = append(names, name)
		a.log(ctx).WarnContext(ctx, "not ready", "what", name, "error", err)
	}
	ports := make(chan error, 1)
	go func() { ports <- a.config.Service.Ready(ctx) }() // a port that does not answer takes no time from the checks
	failed := make([]error, len(a.config.Ready))
	for i, check := range a.config.Ready {
		failed[i] = check.Run(ctx)
	}
	for _, err := range unjoin(<-ports) {
		refuse(nameOf(err), err)
	}
	for i, err := range failed {
		if err != nil {
			refuse(a.config.Ready[i].Name, err)
		}
	}
	return names
}

// nameOf returns what operators call a port that is not ready.
func nameOf(err error) string {
	var port *jobs.NotReadyError
	if !errors.As(err, &port) {
		return "service"
	}
	switch port.Port {
	case "store":
		return "database"
	case "dispatcher":
		return "queue"
	case "spool":
		return "parts"
	case "destination":
		return "archives"
	}
	return port.Port
}

// unjoin returns the errors that [errors.Join] has joined, and not what these wrap.
func unjoin(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

// report is the body of /healthz, and of /readyz if nothing is unready.
type report struct {
	Status   string        `json:"status"`
	Warnings []readWarning `json:"warnings,omitempty"`
}

// readWarning is a [jobs.Warning].
type readWarning struct {
	Name   string `json:"name"`
	Detail string `json:"detail"`
}

// warnings are what operators are to know although requests can be served.
func (a *api) warnings(ctx context.Context) []readWarning {
	found, err := a.config.Service.Warnings(ctx)
	if err != nil {
		a.log(ctx).WarnContext(ctx, "it is not known whether anybody works", "error", err)
	}
	var all []readWarning
	for _, w := range found {
		all = append(all, readWarning{w.Name, w.Text})
	}
	return all
}

func writeReport(w http.ResponseWriter, warnings ...readWarning) {
	w.Header().Set("Content-Type", "application/json")
	if err := marshal(w, report{"ok", warnings}); err != nil { // of our own types only
		panic(err)
	}
}
