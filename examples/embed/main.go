// Command embed is a service that lets its customers export what they own: it
// mounts the API beside its own routes and behind its own authentication.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/orgexport/orgexport/adapters/datadir"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/httpapi"
	"github.com/orgexport/orgexport/sections"
	"github.com/orgexport/orgexport/sign"
)

// README: embed begin

// run serves mux and exports until ctx ends. One folder keeps jobs, archives and the keys of links.
func run(ctx context.Context, mux *http.ServeMux, listener net.Listener, url, folder string) (err error) {
	links := sign.Config{URL: url + "/downloads", ErrorHandler: httpapi.WriteError}
	data, err := datadir.Open(ctx, folder, datadir.Config{Links: links})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, data.Close()) }()

	// The engine exports your data: an iterator over members, and a section of your own.
	members := sections.FromSeq("members", "members.csv", db.members)
	engine, err := export.New(export.Config{Spool: data.Parts, Sections: []export.Section{members, contracts{}}})
	if err != nil {
		return err
	}
	service, err := jobs.New(data.JobsConfig(engine, db))
	if err != nil {
		return err
	}

	// The API stands beside your own routes and behind your own authentication.
	api, err := httpapi.New(httpapi.Config{
		Service: service, Authenticate: authenticate, Downloads: data.Links, PublicURL: url, Stopping: ctx.Done(),
	})
	if err != nil {
		return err
	}
	mux.Handle("/dashboard/api/v1/data-export/", api)
	mux.Handle("/downloads/", api)

	// Once ctx ends, requests may finish. Exports go on after the next start.
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return service.Run(ctx) })
	group.Go(func() error {
		<-ctx.Done()
		soon, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		return server.Shutdown(soon)
	})
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		group.Go(func() error { return err }) // this ends ctx
	}
	return group.Wait()
}

// README: embed end

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := start(ctx); err != nil {
		slog.Error("the service has failed", "error", err)
		os.Exit(1) //nolint:gocritic // what stop undoes ends with the process
	}
}

// start runs the service on this machine, with a folder that the next start finds
// again.
func start(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "localhost:8080")
	if err != nil {
		return err
	}
	url := "http://localhost:8080"
	fmt.Printf("curl -X POST -H 'Authorization: Bearer %s' %s/dashboard/api/v1/data-export/%s\n", token, url, acme)
	return run(ctx, newMux(), listener, url, filepath.Join(os.TempDir(), "orgexport-embed"))
}
