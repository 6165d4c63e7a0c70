package wire

import (
	"log/slog"

	"github.com/orgexport/orgexport/export"
)

// Discreet is the ReplaceAttr of [slog.HandlerOptions] of every log of exportd: it keeps rows
// out of it, and texts short. The packages that log see to that themselves, too.
func Discreet(groups []string, a slog.Attr) slog.Attr { return export.DiscreetAttr(groups, a) }
