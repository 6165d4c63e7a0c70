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

// ready answers /readyz: requests can be served, or what is not ready. It is not limited.
// Everybody may ask it, and load balancers have to.
func (a *api) ready(w http.ResponseWriter, r *http.Request) {
	names, err := a.readiness.get(r.Context(), readyAge, func() []string {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), a.config.ReadyTimeout)
		defer cancel()
		return a.notReady(ctx)
	})
	if err != nil {
		return // the client has gone
	}
	select {
	case <-a.config.Stopping: // which is known at once
		a.log(r.Context()).WarnContext(r.Context(), "not ready", "what", "server", "error", errStopping)
		names = append([]string{"server"}, names...)
	default:
	}
	if len(names) == 0 {
		writeReport(w)
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
	for _, err := range flatten(a.config.Service.Ready(ctx)) {
		var port *jobs.NotReadyError
		switch {
		case !errors.As(err, &port):
			refuse("service", err)
		case port.Port == "store":
			refuse("database", err) // what operators call it
		case port.Port == "dispatcher":
			refuse("queue", err)
		default:
			refuse(port.Port, err)
		}
	}
	for _, check := range a.config.Ready {
		if err := check.Run(ctx); err != nil {
			refuse(check.Name, err)
		}
	}
	return names
}

func writeReport(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"status":"ok"}` + "\n"))
}
