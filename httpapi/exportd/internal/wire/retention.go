package wire

import (
	"context"
	"log/slog"
	"time"

	"github.com/orgexport/orgexport/export/audit"
)

// auditEvery is how often old entries of the audit trail are removed.
const auditEvery = time.Hour

// keepAudit removes entries of the audit trail that are older than kept, each hour
// until ctx ends. All processes do so. If kept is zero or negative, entries stay.
func keepAudit(ctx context.Context, trail audit.Purger, kept time.Duration, logger *slog.Logger) {
	if kept <= 0 {
		return
	}
	purge := func() {
		n, err := trail.Purge(ctx, kept)
		if n > 0 {
			logger.InfoContext(ctx, "old audit entries removed", "entries", n)
		}
		if err != nil && ctx.Err() == nil {
			logger.ErrorContext(ctx, "old audit entries not removed, to be tried again", "error", err)
		}
	}
	purge()
	every(ctx, auditEvery, purge)
}

// every calls do at this interval, for the first time after one, until ctx ends.
func every(ctx context.Context, interval time.Duration, do func()) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			do()
		}
	}
}
