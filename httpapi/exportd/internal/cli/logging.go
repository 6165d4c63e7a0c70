package cli

import (
	"errors"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/wire"
)

// logging are the flags that say what a command logs and how. What is not given is as
// the configuration says.
type logging struct {
	level  levelFlag
	format formatFlag
}

// flags adds the flags. byDefault is the level if neither flag nor configuration has one.
func (l *logging) flags(c *cobra.Command, byDefault slog.Level) {
	l.level.byDefault = byDefault
	c.Flags().Var(&l.level, "log-level", "least `LEVEL` of what is logged: debug, info, warn, error (default: log.level of the configuration, or "+levelName(byDefault)+")")
	c.Flags().Var(&l.format, "log-format", "`FORMAT` of the log: text, json (default: log.format of the configuration, or text)")
}

// logger makes the logger of a command, which is also that of packages that know no
// other. The text has neither rows nor secrets.
func (l *logging) logger(w io.Writer, c config.Log) *slog.Logger {
	logger := slog.New(l.handler(w, c))
	slog.SetDefault(logger)
	return logger
}

func (l *logging) handler(w io.Writer, c config.Log) slog.Handler {
	options := &slog.HandlerOptions{Level: l.least(c), ReplaceAttr: wire.Discreet}
	format := string(l.format)
	if format == "" {
		format = c.Format.Value
	}
	if format == config.JSONFormat {
		return slog.NewJSONHandler(w, options)
	}
	return slog.NewTextHandler(w, options)
}

// least is the least level that is logged.
func (l *logging) least(c config.Log) slog.Level {
	level := l.level.byDefault
	switch {
	case l.level.given != nil:
		level = *l.level.given
	case c.Level.Value != "":
		_ = level.UnmarshalText([]byte(c.Level.Value)) // it was checked
	}
	return level
}

// levelFlag is a flag that is a level.
type levelFlag struct {
	byDefault slog.Level
	given     *slog.Level // nil if it is not
}

func (l *levelFlag) String() string {
	if l.given == nil {
		return ""
	}
	return levelName(*l.given)
}

func (l *levelFlag) Type() string { return "level" }

// Set implements [pflag.Value].
func (l *levelFlag) Set(text string) error {
	l.given = new(slog.Level)
	return l.given.UnmarshalText([]byte(text))
}

// levelName is how users write a level.
func levelName(l slog.Level) string {
	switch l {
	case slog.LevelWarn:
		return "warn"
	case slog.LevelInfo:
		return "info"
	}
	return l.String()
}

// formatFlag is a flag that is a format of the log, empty if it is not given.
type formatFlag string

func (f *formatFlag) String() string { return string(*f) }

func (f *formatFlag) Type() string { return "format" }

// Set implements [pflag.Value].
func (f *formatFlag) Set(text string) error {
	if text != config.TextFormat && text != config.JSONFormat {
		return errors.New("want text or json")
	}
	*f = formatFlag(text)
	return nil
}
