package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/orgexport/orgexport/export/jobs"
)

var errStopping = errors.New("httpapi: the server is to stop")

// healthy answers /healthz: the process lives.
func (a *api) healthy(w http.ResponseWriter, _ *http.Request) { writeReport(w) }

// ready answers /readyz: requests can be served, or what is not ready.
func (a *api) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), a.config.ReadyTimeout)
	defer cancel()
	var names []string
	refuse := func(name string, err error) {
		names = append(names, name)
		a.log(ctx).WarnContext(ctx, "not ready", "what", name, "error", err)
	}
	select {
	case <-a.config.Stopping:
		refuse("server", errStopping)
	default:
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
	if len(names) == 0 {
		writeReport(w)
		return
	}
	e := a.problem(http.StatusServiceUnavailable, fmt.Sprintf(detailNotReady, strings.Join(names, ", ")))
	e.Details = map[string]any{"not_ready": names}
	a.writeProblem(w, e)
}

func writeReport(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"status":"ok"}` + "\n"))
}
