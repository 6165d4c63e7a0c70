package config

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"iter"
	"strings"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/sections"
)

// check asks the library what it has against the values; its rules are not
// repeated here. Values that could not be decoded have no line and are left
// out: their problems are known.
func (d *decoder) check() {
	c := d.config
	if c.Prefix.Line > 0 {
		_, err := export.New(export.Config{Prefix: c.Prefix.Value, Sections: []export.Section{sections.New("any", nil)}})
		if err != nil {
			d.problem(c.Prefix.Line, "prefix %q may have letters, digits, dots, hyphens and underscores", c.Prefix.Value)
		}
	}
	seen := make(map[string]int)
	for _, s := range c.Sections {
		if s.Key.Line > 0 {
			d.checkKey(s.Key, seen)
		}
		if len(s.Records)+len(s.Assets) > 0 {
			d.checkSQL(s)
		}
	}
	d.checkSQL(organization(c.Organization))
	if c.API.Line > 0 {
		d.checkAPI()
	}
}

func (d *decoder) checkKey(key Text, seen map[string]int) {
	if err := export.CheckKey(key.Value); err != nil {
		d.problem(key.Line, "%s", strings.TrimPrefix(err.Error(), "export: "))
	}
	if first := seen[key.Value]; first > 0 {
		d.problem(key.Line, "section key %q is already in line %d", key.Value, first)
		return
	}
	seen[key.Value] = key.Line
}

// organization is the organization's query as a section, so that it is bound
// and read in the same way as all others.
func organization(query Text) Section {
	return Section{
		Key:     Text{Value: "organization"},
		Records: []Records{{File: Text{Value: "organization.json"}, SQL: query}},
	}
}

// OrganizationSQL is the query of the organization as a section of one file.
func (c *Config) OrganizationSQL(source sections.Source) sections.SQL {
	return organization(c.Organization).SQL(source, c.Database.Dialect, nil)
}

// OrganizationCheck is the query of the organization as a section that sections.Check finds
// to lack the columns that are needed.
func (c *Config) OrganizationCheck(source sections.Source) sections.SQL {
	s := organization(c.Organization)
	s.Records[0].Each = true
	s.Records[0].File = Text{Value: "{{.id}}/{{.slug}}/{{.name}}.json"}
	return s.SQL(source, c.Database.Dialect, nil)
}

// OrganizationProblems returns what package sections has against the query of the
// organization.
func (c *Config) OrganizationProblems(err error) (problems FileErrors) {
	for _, err := range unjoin(err) {
		if field, ok := errors.AsType[*sections.FieldError](err); ok {
			err = field.Err
		}
		problems = append(problems, Problem{File: c.File, Line: c.Organization.Line, Message: "sql: " + withoutPackage(err.Error())})
	}
	return problems
}

func (d *decoder) checkSQL(s Section) {
	if d.config.Database.Line == 0 {
		return // it is not known what SQL it is
	}
	nothing := func(_ Assets, files *sections.AssetFiles) { files.FS = noFiles{} }
	_, err := sections.NewSQL(s.SQL(noDatabase{}, d.config.Database.Dialect, nothing))
	d.problems = append(d.problems, s.Problems(d.config.File, err)...)
}

// Problems returns what package sections has against a section, with the lines of the file.
// Those of values that could not be decoded are left out.
func (s Section) Problems(file string, err error) (problems FileErrors) {
	for _, err := range unjoin(err) {
		field, ok := errors.AsType[*sections.FieldError](err)
		if !ok {
			problems = append(problems, Problem{File: file, Line: s.Line, Message: err.Error()})
			continue
		}
		key, text := s.field(field)
		for _, err := range unjoin(field.Err) {
			if text.Line > 0 {
				problems = append(problems, Problem{File: file, Line: text.Line, Message: key + ": " + withoutPackage(err.Error())})
			}
		}
	}
	return problems
}

// withoutPackage returns the text of an error without the name of the package that it is
// from.
func withoutPackage(text string) string {
	for _, name := range []string{"export: ", "sqlite: ", "postgres: "} {
		text = strings.TrimPrefix(text, name)
	}
	return text
}

// field returns what an error is about, as the file has it.
func (s Section) field(e *sections.FieldError) (key string, text Text) {
	switch e.List + "." + e.Field {
	case ".Shards":
		return "shards", Text{} // it could not be decoded
	case "Files.ShardKey":
		r := s.Records[e.Index]
		return "shard_key", cmp.Or(r.ShardKey, r.SQL)
	case "Assets.ShardKey":
		a := s.Assets[e.Index]
		return "shard_key", cmp.Or(a.ShardKey, a.SQL)
	case "Files.SQL":
		return "sql", s.Records[e.Index].SQL
	case "Files.File":
		return "file", s.Records[e.Index].File
	case "Files.JSON":
		return "json", s.Records[e.Index].json(e.Column)
	case "Assets.SQL":
		return "sql", s.Assets[e.Index].SQL
	case "Assets.Folder":
		return "from", s.Assets[e.Index].Folder
	case "Assets.Source":
		return "source", s.Assets[e.Index].Source
	case "Assets.File":
		return "file", s.Assets[e.Index].File
	}
	return e.Field, Text{Line: s.Line}
}

// json returns the text that names a column.
func (r Records) json(column string) Text {
	for _, t := range r.JSON {
		if t.Value == column {
			return t
		}
	}
	return r.SQL
}

func unjoin(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// noDatabase and noFiles stand in for what a check does not need.
type noDatabase struct{}

func (noDatabase) Query(context.Context, string, []any, func([]string, iter.Seq2[[]any, error]) error) error {
	return errors.ErrUnsupported
}

type noFiles struct{}

func (noFiles) Open(string) (fs.File, error) { return nil, errors.ErrUnsupported }
