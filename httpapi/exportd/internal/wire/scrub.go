package wire

import (
	"context"
	"errors"
	"log/slog"

	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
)

// Scrub reads all archives that a configuration keeps: see [jobs.Scrub]. It needs nothing
// else of a server, which may run meanwhile. A folder of archives that is not there is an
// error, and is not made: all archives would be missing in it.
func Scrub(ctx context.Context, c *config.Config, logger *slog.Logger, o jobs.ScrubOptions) (_ jobs.ScrubResult, err error) {
	if err := checkArchives(c); err != nil {
		return jobs.ScrubResult{}, err
	}
	archives, err := openArchives(ctx, c, logger)
	if err != nil {
		return jobs.ScrubResult{}, err
	}
	defer func() { err = errors.Join(err, archives.Close()) }()
	store, err := OpenStore(ctx, c)
	if err != nil {
		return jobs.ScrubResult{}, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return jobs.Scrub(ctx, store, archives.destination, logger, o)
}
