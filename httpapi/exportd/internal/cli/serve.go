package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/httpapi/connlimit"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/demo"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/wire"
)

const serveHelp = `Serve answers the API for requesting, polling and downloading exports, and runs
them, until it is told to stop. The configuration file is that of exportd run,
with keys for the server (see exportd help config). API keys are made by exportd
keys create.

Without --config it is exportd.yaml in the current folder. If there is none, serve
starts the demo: it serves the made-up organization of exportd demo, on this machine
only, and prints a curl command with a fresh API key. All of that is in a folder of
its own, exportd-demo. The jobs database of a demo is refused to any other
configuration, and theirs to the demo.

With --no-worker it answers requests only, for exportd worker on other machines to
run the exports. Any number of both may share one configuration, with jobs in
PostgreSQL, a folder of archives that all of them see, and the signing keys in
ORGEXPORT_SIGNING_KEYS or a file that the configuration names. Each looks after
exports whose worker has died, and deletes what has been kept long enough.

SIGINT, SIGTERM and SIGHUP stop it. From then on /readyz fails. For a second
(server.drain) the server still listens, and each answer closes its connection.
Then it listens no more, and requests that it has read may finish for half a
minute. Exports that run have the time jobs.stop_timeout (0s by default) to end;
then they are handed back, for the next start or another process to go on with
what is finished of them. A second signal kills at once, which loses no export
either.

Behind a load balancer that asks /readyz, a restart loses no request if
server.drain is longer than the balancer takes to notice: with haproxy that is
"inter" times "fall", 6 seconds by default. A client that connects to the server
itself may find its connection refused, reset or closed without an answer in the
moment when the server stops listening. Its request was not read then, and it may
send it again, also a POST.

The log goes to standard error, as text or as JSON (--log-format, or log.format of
the configuration). Its first line tells what has started, with which configuration
and where everything is; its last two why it stopped, and how many exports are
handed back.

After the start the database that is exported is asked whether it fits the queries, as
exportd check does. What it says is logged once for each problem, and is a metric
(orgexport_source_problems); only the sections that need it fail. With --strict it
is waited for, and the server does not start if there is a problem. Neither does it
with --strict if the configuration has a password that others may read, which is
only logged otherwise.

Exit status:
  0  it was told to stop
  1  it failed, or the database does not fit and --strict was given
  2  wrong usage or configuration, or others may read its password and --strict was
     given`

// stopTimeout is how long requests may take to finish.
const stopTimeout = 30 * time.Second

// demoKeyName marks the key of the demo, of which there is one at a time.
const demoKeyName = "exportd serve, demo"

func serveCommand() *cobra.Command {
	o := serverOptions{startsDemo: true}
	var listen string
	var noWorker bool
	c := &cobra.Command{
		Use:   "serve [--config FILE] [flags]",
		Short: "Serve the API and run exports",
		Long:  serveHelp,
		Args:  atMost(),
		RunE: func(c *cobra.Command, _ []string) error {
			return o.serve(c.Context(), listen, noWorker)
		},
		DisableFlagsInUseLine: true,
	}
	o.flags(c)
	c.Flags().StringVar(&listen, "listen", "", "`ADDRESS:PORT` to listen on (default: server.listen of the configuration)")
	c.Flags().BoolVar(&noWorker, "no-worker", false, "run no exports: exportd worker does, elsewhere")
	o.strictFlag(c)
	o.logging.flags(c, slog.LevelInfo)
	return c
}

func (o *serverOptions) serve(ctx context.Context, listen string, noWorker bool) error {
	if err := o.findConfig(); err != nil {
		return err
	}
	if noWorker && o.config == "" {
		return errors.New("--no-worker needs a --config: the demo is one process")
	}
	c, err := o.loadFound(ctx)
	if err != nil {
		return err
	}
	if noWorker {
		if err := c.NeedPostgres("--no-worker"); err != nil {
			return err
		}
	}
	if listen != "" {
		if err := c.ListenOn(listen); err != nil {
			return fmt.Errorf("--listen: %w", err)
		}
	}
	if host, _, _ := net.SplitHostPort(c.Server.Listen.Value); c.Demo && !isLoopback(host) {
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
	publicURL, logger := c.PublicURL(listener.Addr()), o.logger(c)
	if err := o.warn(logger, c); err != nil {
		return err
	}
	server, err := wire.OpenServer(ctx, c, wire.ServerOptions{
		PublicURL: publicURL,
		NoWorker:  noWorker,
		Logger:    logger,
		Stopping:  ctx.Done(),
		Files:     maxFiles(),
	})
	if err != nil {
		return failed(err)
	}
	if err := o.refusal(ctx, server); err != nil {
		return err
	}
	logStart(logger, c, metrics, "listen", listener.Addr().String(), "url", publicURL, "worker", !noWorker)
	stopped := logStop(ctx, logger, server)
	if err = greet(ctx, c, server, publicURL); err == nil {
		err = withMetrics(ctx, metrics, server, func(ctx context.Context) error {
			return serveOn(ctx, listener, server, c)
		})
	}
	err = errors.Join(err, server.Close())
	stopped(err)
	return failed(err)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// greet prints where the API is and, of the demo, how to use it.
func greet(ctx context.Context, c *config.Config, server *wire.Server, publicURL string) error {
	if !c.Demo {
		_, err := fmt.Printf("serving on %s, documentation at %s/docs\n", publicURL, publicURL)
		return err
	}
	text, err := demoKey(ctx, c.API, server)
	if err != nil {
		return err
	}
	_, err = fmt.Printf("serving Acme Foods, a made-up organization, on %s, documentation at %s/docs\n\nTry, with a key that is good until the next start:\n\n"+
		"  curl -X POST -H 'X-API-Key: %s' '%s?archive_format=zip'\n\n", publicURL, publicURL, text, c.API.ExportsURL(publicURL, demo.OrganizationID()))
	return err
}

// demoKey makes a key for the demo's organization in the place of the one of
// the last start.
func demoKey(ctx context.Context, api config.API, server *wire.Server) (string, error) {
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
	return newKey(ctx, server.Store, api.Keys(), access.Key{
		Kind: access.Business, OrganizationID: demo.OrganizationID(), Role: access.Manager, Name: demoKeyName,
	}, 0)
}

// listenOn listens for the API and, if they are configured, for metrics.
func listenOn(ctx context.Context, c *config.Config) (api, metrics net.Listener, err error) {
	if api, err = new(net.ListenConfig).Listen(ctx, "tcp", c.Server.Listen.Value); err != nil {
		return nil, nil, err
	}
	if metrics, err = listenMetrics(ctx, c); err != nil {
		return nil, nil, errors.Join(err, api.Close())
	}
	return api, metrics, nil
}

// listenMetrics returns nil if there are to be no metrics.
func listenMetrics(ctx context.Context, c *config.Config) (net.Listener, error) {
	if c.Metrics.Listen.Value == "" {
		return nil, nil
	}
	metrics, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Metrics.Listen.Value)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	return metrics, nil
}

// withMetrics runs something that ends with ctx and, if there is a listener for
// them, serves metrics for as long as that runs.
func withMetrics(ctx context.Context, metrics net.Listener, server *wire.Server, run func(context.Context) error) error {
	all, ctx := errgroup.WithContext(ctx)
	lasting, stop := context.WithCancel(context.WithoutCancel(ctx))
	all.Go(func() error {
		defer stop()
		return run(ctx)
	})
	if metrics != nil {
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", server.Metrics)
		all.Go(func() error { return serveHTTP(lasting, metrics, mux, 0, connlimit.Limits{}) })
	}
	return all.Wait()
}

// serveOn serves and works until ctx ends.
func serveOn(ctx context.Context, listener net.Listener, server *wire.Server, c *config.Config) error {
	run, ctx := errgroup.WithContext(ctx)
	run.Go(func() error { return server.Run(ctx) })
	run.Go(func() error { return serveHTTP(ctx, listener, server.Handler, c.Server.Drain, server.Connections(c)) })
	return run.Wait()
}
