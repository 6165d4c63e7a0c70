package config

import (
	"errors"
	"math"
	"net/url"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/orgexport/orgexport/adapters/s3"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/sections"
)

// The keys of a configuration file.

// homes says where keys belong that a wrong indentation easily puts elsewhere.
var homes = map[string]string{
	"key": "a section", "required": "a section", "timeout": "a section", "records": "a section", "assets": "a section",
	"file": "records and assets", "sql": "organization, records and assets", "shared": "records and assets",
	"each": "records", "json": "records", "from": "assets", "source": "assets", "all": "assets",
	"shards": "a section", "shard_key": "a section, records and assets", "whole": "records and assets",
}

func (d *decoder) root(n *yaml.Node) {
	c := d.config
	d.mapping(n, map[string]value{
		"archive": func(n *yaml.Node) {
			d.mapping(n, map[string]value{
				"prefix":    d.into(&c.Prefix),
				"level":     d.number(&c.Level, 9),
				"max_bytes": d.size(&c.MaxArchiveBytes),
			})
		},
		"source": func(n *yaml.Node) {
			d.mapping(n, map[string]value{
				"database":        d.database(&c.Database),
				"max_connections": d.number(&c.Connections, maxConnections),
				"consistency":     d.consistency(&c.Consistency),
				"max_age":         d.duration(&c.Consistency.MaxAge),
			}, "database")
		},
		"organization": func(n *yaml.Node) {
			d.mapping(n, map[string]value{"sql": d.into(&c.Organization)}, "sql")
		},
		"csv":               d.csv,
		"concurrency":       d.number(&c.Concurrency, math.MaxInt),
		"section_timeout":   d.duration(&c.SectionTimeout),
		"max_section_bytes": d.size(&c.MaxSectionBytes),
		"max_record_bytes":  d.size(&c.MaxRecordBytes),
		"min_free_bytes":    d.size(&c.MinFreeBytes),
		"scratch":           d.text(func(t Text) { c.Scratch = Text{d.path(t.Value), t.Line} }),
		"sections":          d.list(d.section),
		"fetch":             d.fetch,
		"server":            d.server,
		"api":               d.api,
		"jobs":              d.jobs,
		"archives":          d.archives,
		"audit":             d.audit,
		"links":             d.links,
		"signing":           d.signing,
		"limits":            d.limits,
		"oidc":              d.oidc,
		"metrics":           d.metrics,
		"tracing":           d.tracing,
		"log":               d.log,
	}, "source", "organization", "sections")
}

// consistency decodes how much it matters that all sections read one moment.
func (d *decoder) consistency(dst *Consistency) value {
	levels := map[string]export.ConsistencyLevel{"required": export.ConsistencyRequired, "best": export.ConsistencyBest, "off": export.ConsistencyOff}
	level := oneOf(d, &dst.Level, "required, best or off", levels)
	return func(n *yaml.Node) {
		dst.Line = n.Line
		level(n)
	}
}

func (d *decoder) section(n *yaml.Node) {
	s := Section{Line: n.Line}
	seen := d.mapping(n, map[string]value{
		"key":               d.into(&s.Key),
		"required":          d.flag(&s.Required),
		"names":             oneOf(d, &s.Rename, "skip or rename", map[string]bool{"skip": false, "rename": true}),
		"timeout":           d.duration(&s.Timeout),
		"max_section_bytes": d.size(&s.MaxBytes),
		"shards":            d.number(&s.Shards, sections.MaxShards),
		"shard_key":         d.into(&s.ShardKey),
		"records":           d.list(func(n *yaml.Node) { s.Records = append(s.Records, d.records(n)) }),
		"assets":            d.list(func(n *yaml.Node) { s.Assets = append(s.Assets, d.assets(n)) }),
	}, "key")
	if seen != nil && seen["records"] == 0 && seen["assets"] == 0 {
		d.missing(n.Line, "the section has neither records nor assets")
	}
	d.config.Sections = append(d.config.Sections, s)
}

func (d *decoder) records(n *yaml.Node) (r Records) {
	d.mapping(n, map[string]value{
		"file": d.into(&r.File),
		"sql":  d.into(&r.SQL),
		"each": d.text(func(t Text) {
			if r.Each = true; t.Value != "row" {
				d.problem(t.Line, `%q must be "row"`, t.Value)
			}
		}),
		"json":   d.list(d.text(func(t Text) { r.JSON = append(r.JSON, t) })),
		"shared": d.flag(&r.Shared),

		"shard_key": d.into(&r.ShardKey),
		"whole":     d.flag(&r.Whole),
	}, "file", "sql")
	return r
}

func (d *decoder) assets(n *yaml.Node) (a Assets) {
	seen := d.mapping(n, map[string]value{
		"from":      d.from(&a),
		"all":       d.flag(&a.All),
		"source":    d.into(&a.Source),
		"file":      d.into(&a.File),
		"sql":       d.into(&a.SQL),
		"shared":    d.flag(&a.Shared),
		"shard_key": d.into(&a.ShardKey),
		"whole":     d.flag(&a.Whole),
		"keep_time": d.flag(&a.KeepTime),
	}, "from")
	if a.All && a.URLs {
		d.problem(seen["all"], "nobody knows all URLs: name a folder or a bucket, or take URLs from rows")
	}
	for _, key := range []string{"source", "file", "sql"} {
		if seen != nil && seen[key] == 0 && !a.All {
			d.missing(n.Line, "key %q is missing", key)
		}
	}
	return a
}

// urls is what stands for a folder where rows have URLs.
const urls = "url:"

// from decodes what urls is, or a folder or a bucket's prefix that may end in the template of a
// folder in it. The elements before the first one with a template are what is opened.
func (d *decoder) from(a *Assets) value {
	return d.text(func(t Text) {
		if t.Value == urls {
			a.Folder, a.URLs = t, true
			return
		}
		place, query := t.Value, ""
		if a.Bucket = strings.HasPrefix(t.Value, "s3://"); a.Bucket {
			place, query, _ = strings.Cut(t.Value, "?")
		}
		folder, _, isTemplate := strings.Cut(place, "{{")
		if isTemplate {
			end := max(strings.LastIndex(folder, "/"), strings.Index(folder, ":")) + 1
			folder, a.Within = place[:end], place[end:]
			if folder == "dir:" {
				folder += "."
			}
		}
		if a.Bucket {
			a.Folder = d.bucket(Text{strings.TrimSuffix(folder+"?"+query, "?"), t.Line})
			return
		}
		d.folderIn(&a.Folder, Text{folder, t.Line}, t.Value, `, or s3://BUCKET/PREFIX?region=…, or "url:" if rows have URLs`)
	})
}

// bucket returns the URL of a bucket's prefix, or nothing if it is none.
func (d *decoder) bucket(t Text) Text {
	if _, err := s3.ParseAddress(t.Value); err != nil {
		d.problem(t.Line, "%s", strings.TrimPrefix(err.Error(), "s3: "))
		return Text{}
	}
	return t
}

// folderIn decodes "dir:" and the path of a folder; said is the value for a message, and
// others is what it may be besides a folder.
func (d *decoder) folderIn(dst *Text, t Text, said, others string) {
	folder, ok := strings.CutPrefix(t.Value, "dir:")
	if !ok || folder == "" {
		d.problem(t.Line, `%q must be "dir:" and the path of a folder%s`, withoutSecrets(said), others)
		return
	}
	*dst = Text{d.path(folder), t.Line}
}

// withoutSecrets returns what a message says of a value that should be a place: the scheme alone of
// an address in which a password may stand.
func withoutSecrets(value string) string {
	if scheme, rest, ok := strings.Cut(value, "://"); ok && strings.ContainsAny(rest, "@?") {
		return scheme + "://…"
	}
	return value
}

// database decodes the address of a database.
func (d *decoder) database(dst *Database) value {
	return d.text(func(t Text) {
		database, err := parseDatabase(t)
		if err != nil {
			d.problem(t.Line, "%v", err)
			return
		}
		if database.Dialect == sections.SQLite {
			database.Address = d.path(database.Address)
		}
		*dst = database
	})
}

// parseDatabase tells SQLite from PostgreSQL. What is wrong with a PostgreSQL URL
// is not said in detail, because it may hold a password.
func parseDatabase(t Text) (Database, error) {
	scheme, path, _ := strings.Cut(t.Value, ":")
	switch scheme {
	case "sqlite":
		if path == "" {
			return Database{}, errors.New(`"sqlite:" needs the path of a database file`)
		}
		return Database{Dialect: sections.SQLite, Address: path, Line: t.Line}, nil
	case "postgres", "postgresql":
		if u, err := url.Parse(t.Value); err != nil || !strings.HasPrefix(path, "//") || u.Host == "" && u.Path == "" {
			return Database{}, errors.New("the address of the PostgreSQL database is not a valid URL")
		}
		return Database{Dialect: sections.Postgres, Address: t.Value, Line: t.Line}, nil
	}
	return Database{}, errors.New(`the database must be "sqlite:" and a path, or a postgres:// URL`)
}

// path makes a path of the file one of this process.
func (d *decoder) path(p string) string {
	if filepath.IsAbs(p) {
		return filepath.Clean(p)
	}
	return filepath.Join(d.folder, p)
}
