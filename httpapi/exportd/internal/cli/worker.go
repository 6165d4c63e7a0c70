package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/wire"
)

const workerHelp = `Worker runs exports until it is told to stop, and answers no requests: those are
for exportd serve, on this or other machines. All have the same configuration,
with jobs in PostgreSQL and a folder of archives that they share. It needs no
signing keys. If the configuration has an address for metrics it serves them.

Serve runs exports too, unless it has --no-worker. Any number of both may come and
go. Exports of one that dies are taken up by others within 20 seconds.

SIGINT, SIGTERM and SIGHUP stop it: it begins no more exports, and those that run
have the time jobs.stop_timeout of the configuration (0s by default) to end. Then
they are handed back, for another process to go on with what is finished of them.
A second signal kills at once, which loses no export either.

What the database that is exported has against the queries is logged, as serve
does; with --strict the worker does not start then, nor if the configuration has a
password that others may read.

Exit status:
  0  it was told to stop
  1  it failed, or the database does not fit and --strict was given
  2  wrong usage or configuration, such as jobs in SQLite, or others may read its
     password and --strict was given`

func workerCommand() *cobra.Command {
	var o serverOptions
	c := newCommand("worker [--config FILE] [flags]", "Run exports for servers on other machines", workerHelp, o.worker)
	configFlag(c, &o.config, configUsage)
	o.strictFlag(c)
	o.logging.flags(c, slog.LevelInfo)
	return c
}

func (o *serverOptions) worker(ctx context.Context) error {
	c, err := loadConfig(o.config)
	if err != nil {
		return err
	}
	if err := c.NeedPostgres("exportd worker"); err != nil {
		return err
	}
	metrics, err := listenMetrics(ctx, c)
	if err != nil {
		return failed(err)
	}
	if metrics != nil {
		defer metrics.Close() //nolint:errcheck // the server has closed it by then
	}
	logger := o.logger(c)
	if err := o.warn(logger, c); err != nil {
		return err
	}
	server, err := wire.OpenWorker(ctx, c, wire.ServerOptions{Logger: logger})
	if err != nil {
		return failed(err)
	}
	if err := o.refusal(ctx, server); err != nil {
		return err
	}
	logStart(logger, c, metrics)
	stopped := logStop(ctx, logger, server)
	if _, err = fmt.Println("working on exports"); err == nil {
		err = withMetrics(ctx, metrics, server, server.Run)
	}
	err = errors.Join(err, server.Close())
	stopped(err)
	return failed(err)
}
