package config

import (
	"log/slog"

	"go.yaml.in/yaml/v3"
)

// Log is what commands log and how, if their flags do not say it. Texts that are empty
// leave it to the command.
type Log struct {
	Level  Text // as [slog.Level] reads it
	Format Text // TextFormat or JSONFormat
}

// Formats of the log.
const (
	TextFormat = "text"
	JSONFormat = "json"
)

func (d *decoder) log(n *yaml.Node) {
	l := &d.config.Log
	d.mapping(n, map[string]value{
		"level": d.text(func(t Text) {
			if new(slog.Level).UnmarshalText([]byte(t.Value)) != nil {
				d.problem(t.Line, "%q must be debug, info, warn or error", t.Value)
			}
			l.Level = t
		}),
		"format": d.text(func(t Text) {
			if t.Value != TextFormat && t.Value != JSONFormat {
				d.problem(t.Line, "%q must be text or json", t.Value)
			}
			l.Format = t
		}),
	})
}
