package export

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/orgexport/orgexport/export/record"
)

const (
	// maxSkipLogs is how many skipped items of one section have a line each in the log; all
	// are counted there, and listed in the archive.
	maxSkipLogs = 10

	// maxSkipReasons is how many reasons are counted apart, and maxSkipReason how many bytes
	// one has.
	maxSkipReasons = 20
	maxSkipReason  = 200
)

// skipLog logs why items are skipped, without what they are: that is in the archive. It has
// how many were, by reason.
type skipLog map[string]int64

// add notes the item at that line of the list. The first ones are logged.
func (l skipLog) add(ctx context.Context, log *slog.Logger, line int64, err error) {
	reason := "no reason is given"
	if err != nil {
		reason = shortenTo(logText(err, ofData), maxSkipReason)
	}
	counted := reason
	if _, known := l[reason]; !known && len(l) >= maxSkipReasons {
		counted = "other reasons"
	}
	l[counted]++
	if line > maxSkipLogs {
		return
	}
	attrs := []any{"line", line, "reason", reason}
	if e, ok := errors.AsType[*record.EncodeError](err); ok && e.Number > 0 {
		attrs = append(attrs, "row", e.Number)
		if e.Shard > 0 {
			attrs = append(attrs, "shard", e.Shard)
		}
	}
	log.InfoContext(ctx, "item skipped", attrs...)
}

// end logs how many items were skipped, and why, most of them first.
func (l skipLog) end(ctx context.Context, log *slog.Logger, skipped int64) {
	if skipped == 0 {
		return
	}
	reasons := slices.SortedFunc(maps.Keys(l), func(a, b string) int {
		return cmp.Or(cmp.Compare(l[b], l[a]), strings.Compare(a, b))
	})
	for i, reason := range reasons {
		reasons[i] = fmt.Sprintf("%s (%d)", reason, l[reason])
	}
	log.WarnContext(ctx, "items skipped", "count", skipped, "listed", skippedFile, "reasons", strings.Join(reasons, ", "))
}
