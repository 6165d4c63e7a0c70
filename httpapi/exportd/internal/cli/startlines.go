package cli

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/orgexport/orgexport/adapters/datadir"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/wire"
)

// logStart logs one line that tells what has started, with which configuration and where
// everything is. more is for what only the command knows.
func logStart(logger *slog.Logger, c *config.Config, metrics net.Listener, more ...any) {
	attrs := []any{
		"version", version(debug.ReadBuildInfo()),
		"config", absolute(c.File),
		"demo", c.Demo,
		"source", c.Database.Shown(),
		"jobs", c.Jobs.Database.Shown(),
		"archives", kept(c.Archives, datadir.ArchivesFolder),
		"parts", kept(c.Archives, datadir.PartsFolder),
	}
	if metrics != nil {
		attrs = append(attrs, "metrics", metrics.Addr().String())
	}
	logger.Info("started", append(attrs, more...)...)
}

// kept tells where a folder of the archives' store is. Of a bucket it tells no more than that.
func kept(a config.Archives, folder string) string {
	if a.Bucket.Value == "" {
		return absolute(filepath.Join(a.Folder.Value, folder))
	}
	bucket, _, _ := strings.Cut(a.Bucket.Value, "?")
	return strings.TrimSuffix(bucket, "/") + "/" + folder
}

// logStop logs a line as soon as ctx ends. The function that it returns logs another one
// when all has ended: why, how long it took, and how many exports are left for the next
// start or another process. It is called once, with the error of the command.
func logStop(ctx context.Context, logger *slog.Logger, server *wire.Server) (stopped func(error)) {
	told := make(chan struct{})
	var begun time.Time
	tell := context.AfterFunc(ctx, func() {
		defer close(told)
		begun = time.Now()
		logger.Info("stopping", "reason", reason(ctx))
	})
	return func(err error) {
		attrs := []any{"handed_back", server.HandedBack()}
		if tell() { // it ends by itself
			attrs = append(attrs, "reason", "error")
		} else {
			<-told
			attrs = append(attrs, "reason", reason(ctx), "took", time.Since(begun).Round(time.Millisecond))
		}
		if err != nil {
			logger.Error("stopped", append(attrs, "error", err)...)
			return
		}
		logger.Info("stopped", attrs...)
	}
}

// reason is why a context has ended.
func reason(ctx context.Context) string {
	if stopped, ok := errors.AsType[*signalError](context.Cause(ctx)); ok {
		return stopped.name()
	}
	return "its context has ended"
}
