package export

import (
	"context"
	"fmt"
	"log/slog"
)

// Discreet returns a logger that tells of an error its [LogText], and cuts what is longer than
// 1 KiB (a stack: 16 KiB) out of the middle of texts. With nil it is that of [slog.Default].
// Every constructor of this module that takes a Logger calls it.
func Discreet(logger *slog.Logger) *slog.Logger {
	if logger == nil {
		logger = slog.Default()
	}
	switch h := logger.Handler().(type) {
	case discreetHandler:
		return logger
	case quietHandler: // it has to see errors before they become texts: see QuietOutages
		return slog.New(quietHandler{Discreet(slog.New(h.Handler)).Handler(), h.outages})
	}
	return slog.New(discreetHandler{logger.Handler()})
}

// DiscreetAttr does for one attribute what [Discreet] does for a logger. It is a ReplaceAttr
// of [slog.HandlerOptions].
func DiscreetAttr(_ []string, a slog.Attr) slog.Attr {
	most := maxText
	if a.Key == "stack" {
		most = maxStack
	}
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindString:
		return slog.String(a.Key, shortenTo(v.String(), most))
	case slog.KindGroup:
		group := make([]slog.Attr, 0, len(v.Group()))
		for _, inner := range v.Group() {
			group = append(group, DiscreetAttr(nil, inner))
		}
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(group...)}
	case slog.KindAny:
		if err, ok := v.Any().(error); ok {
			return slog.String(a.Key, LogText(err))
		}
		if text := fmt.Sprintf("%+v", v.Any()); len(text) > most {
			return slog.String(a.Key, shortenTo(text, most))
		}
	}
	return slog.Attr{Key: a.Key, Value: v}
}

// maxStack is how many bytes of a stack are logged.
const maxStack = 16 << 10

type discreetHandler struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h discreetHandler) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, shorten(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(DiscreetAttr(nil, a))
		return true
	})
	return h.Handler.Handle(ctx, clean)
}

// WithAttrs implements [slog.Handler].
func (h discreetHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = DiscreetAttr(nil, a)
	}
	return discreetHandler{h.Handler.WithAttrs(clean)}
}

// WithGroup implements [slog.Handler].
func (h discreetHandler) WithGroup(name string) slog.Handler {
	return discreetHandler{h.Handler.WithGroup(name)}
}
