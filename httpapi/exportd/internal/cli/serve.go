package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/demo"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/wire"
)

const serveHelp = `Serve answers the API for requesting, polling and downloading exports, and runs
them, until it is told to stop. The configuration file is that of exportd run,
with keys for the server (see exportd help config). API keys are made by exportd
keys create.

Without --config it serves the made-up organization of exportd demo from a data
folder, on this machine only, and prints a curl command with a fresh API key.

SIGINT, SIGTERM and SIGHUP stop it: requests may finish for half a minute, and
exports that run are handed back, for the next start or another process to go
on with. A second signal kills at once, which loses no export either.

Exit status:
  0  it was told to stop
  1  it failed
  2  wrong usage or configuration`

// stopTimeout is how long requests may take to finish.
const stopTimeout = 30 * time.Second

// demoKeyName marks the key of the demo, of which there is one at a time.
const demoKeyName = "exportd serve, demo"

func serveCommand() *cobra.Command {
	var o serverOptions
	var listen string
	c := &cobra.Command{
		Use:   "serve [--config FILE] [flags]",
		Short: "Serve the API and run exports",
		Long:  serveHelp,
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return o.serve(c.Context(), listen)
		},
		DisableFlagsInUseLine: true,
	}
	o.flags(c)
	c.Flags().StringVar(&listen, "listen", "", "`ADDRESS:PORT` to listen on (default: server.listen of the configuration)")
	o.logFlag(c)
	return c
}

func (o *serverOptions) serve(ctx context.Context, listen string) error {
	c, err := o.load(ctx)
	if err != nil {
		return err
	}
	if listen != "" {
		if err := c.ListenOn(listen); err != nil {
			return fmt.Errorf("--listen: %w", err)
		}
	}
	if host, _, _ := net.SplitHostPort(c.Server.Listen.Value); o.isDemo() && !isLoopback(host) {
		return errors.New("the demo is served on this machine only: --listen 127.0.0.1:PORT, or give a --config")
	}
	listener, metrics, err := listenOn(ctx, c)
	if err != nil {
		return failed(err)
	}
	defer listener.Close() //nolint:errcheck // the server has closed it by then
	if metrics != nil {
		defer metrics.Close() //nolint:errcheck // as above
	}
	publicURL := c.PublicURL(listener.Addr())
	server, err := wire.OpenServer(ctx, c, wire.ServerOptions{PublicURL: publicURL, Logger: o.logger(), Stopping: ctx.Done()})
	if err != nil {
		return failed(err)
	}
	if err := o.greet(ctx, server, publicURL); err != nil {
		return failed(errors.Join(err, server.Close()))
	}
	return failed(errors.Join(serveAll(ctx, listener, metrics, server), server.Close()))
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// greet prints where the API is and, of the demo, how to use it.
func (o *serverOptions) greet(ctx context.Context, server *wire.Server, publicURL string) error {
	if !o.isDemo() {
		_, err := fmt.Printf("serving on %s, documentation at %s/docs\n", publicURL, publicURL)
		return err
	}
	text, err := demoKey(ctx, server)
	if err != nil {
		return err
	}
	_, err = fmt.Printf("serving Acme Foods, a made-up organization, on %s, documentation at %s/docs\n\nTry, with a key that is good until the next start:\n\n"+
		"  curl -X POST -H 'X-API-Key: %s' '%s?archive_format=zip'\n\n", publicURL, publicURL, text, exportURL(publicURL, demo.OrganizationID()))
	return err
}

// exportURL is where exports of an organization are requested.
func exportURL(publicURL, organizationID string) string {
	return publicURL + "/dashboard/api/v1/data-export/" + organizationID
}

// demoKey makes a key for the demo's organization in the place of the one of
// the last start.
func demoKey(ctx context.Context, server *wire.Server) (string, error) {
	old, err := server.Store.Keys(ctx, demo.OrganizationID())
	if err != nil {
		return "", err
	}
	for _, key := range old {
		if key.Name == demoKeyName && key.RevokedAt.IsZero() {
			if err := revokeKey(ctx, server.Store, key.ID, key.OrganizationID); err != nil {
				return "", err
			}
		}
	}
	return newKey(ctx, server.Store, access.Key{
		Kind: access.Business, OrganizationID: demo.OrganizationID(), Role: access.Manager, Name: demoKeyName,
	})
}

// listenOn listens for the API and, if they are configured, for metrics.
func listenOn(ctx context.Context, c *config.Config) (api, metrics net.Listener, err error) {
	var listen net.ListenConfig
	if api, err = listen.Listen(ctx, "tcp", c.Server.Listen.Value); err != nil || c.Metrics.Listen.Value == "" {
		return api, nil, err
	}
	if metrics, err = listen.Listen(ctx, "tcp", c.Metrics.Listen.Value); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("metrics: %w", err), api.Close())
	}
	return api, metrics, nil
}

// serveAll serves the API and, if there is a listener for them, the metrics.
func serveAll(ctx context.Context, listener, metrics net.Listener, server *wire.Server) error {
	run, ctx := errgroup.WithContext(ctx)
	run.Go(func() error { return serveOn(ctx, listener, server) })
	if metrics != nil {
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", server.Metrics)
		run.Go(func() error { return serveHTTP(ctx, metrics, mux) })
	}
	return run.Wait()
}

// serveOn serves and works until ctx ends.
func serveOn(ctx context.Context, listener net.Listener, server *wire.Server) error {
	run, ctx := errgroup.WithContext(ctx)
	run.Go(func() error { return server.Run(ctx) })
	run.Go(func() error { return serveHTTP(ctx, listener, server.Handler) })
	return run.Wait()
}

// serveHTTP serves until ctx ends, and lets requests finish then.
func serveHTTP(ctx context.Context, listener net.Listener, handler http.Handler) error {
	h := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      time.Minute, // downloads and streams have limits of their own
		IdleTimeout:       2 * time.Minute,
	}
	run, ctx := errgroup.WithContext(ctx)
	run.Go(func() error {
		if err := h.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	run.Go(func() error {
		<-ctx.Done()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		if err := h.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		return h.Close() // what is left are downloads, which can be resumed
	})
	return run.Wait()
}
