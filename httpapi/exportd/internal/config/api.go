package config

import (
	"errors"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/httpapi"
)

// API is what the API is called, and which formats it has. Texts that are empty have the
// default of package httpapi, and no formats that of package jobs.
type API struct {
	Title         Text
	Version       Text
	Description   Text
	Terms         Text // a URL
	Documentation Text // a URL
	BasePath      Text
	ErrorTypes    Text // what they begin with
	KeyPrefixes   KeyPrefixes
	Formats       []archive.Format // that requests may name, the default first
	Line          int
}

// KeyPrefixes are what API keys begin with, by kind.
type KeyPrefixes struct {
	Business    Text
	User        Text
	Publishable Text
	Line        int
}

func (d *decoder) api(n *yaml.Node) {
	a := &d.config.API
	a.Line = n.Line
	d.mapping(n, map[string]value{
		"title":           d.into(&a.Title),
		"version":         d.into(&a.Version),
		"description":     d.into(&a.Description),
		"terms":           d.into(&a.Terms),
		"documentation":   d.into(&a.Documentation),
		"base_path":       d.into(&a.BasePath),
		"error_types":     d.into(&a.ErrorTypes),
		"archive_formats": d.list(d.text(d.format)),
		"key_prefixes": func(n *yaml.Node) {
			k := &a.KeyPrefixes
			k.Line = n.Line
			d.mapping(n, map[string]value{
				"business":    d.into(&k.Business),
				"user":        d.into(&k.User),
				"publishable": d.into(&k.Publishable),
			})
		},
	})
}

// Name puts what the API is called into the configuration of its handler.
func (a API) Name(c *httpapi.Config) {
	c.Info = httpapi.Info{
		Title: a.Title.Value, Version: a.Version.Value, Description: a.Description.Value,
		Terms: a.Terms.Value, Documentation: a.Documentation.Value,
	}
	c.BasePath, c.ErrorBase, c.KeyPrefixes = a.BasePath.Value, a.ErrorTypes.Value, a.Keys()
}

// Keys makes and reads API keys.
func (a API) Keys() access.KeyPrefixes {
	k := a.KeyPrefixes
	return access.KeyPrefixes{Business: k.Business.Value, User: k.User.Value, Publishable: k.Publishable.Value}
}

// ExportsURL is where exports of an organization are requested, of a server that
// clients reach at publicURL.
func (a API) ExportsURL(publicURL, organizationID string) string {
	base := a.BasePath.Value
	if base == "" {
		base = httpapi.DefaultBasePath
	}
	return publicURL + base + "/" + organizationID
}

// checkAPI asks package httpapi, which also misses all that is not in the file.
func (d *decoder) checkAPI() {
	a := d.config.API
	var c httpapi.Config
	a.Name(&c)
	_, err := httpapi.New(c)
	fields := map[string]struct {
		key  string
		line int
	}{
		"Info.Title":         {"title", max(a.Title.Line, a.Line)},
		"Info.Version":       {"version", a.Version.Line},
		"Info.Description":   {"description", a.Description.Line},
		"Info.Terms":         {"terms", a.Terms.Line},
		"Info.Documentation": {"documentation", a.Documentation.Line},
		"BasePath":           {"base_path", a.BasePath.Line},
		"ErrorBase":          {"error_types", a.ErrorTypes.Line},
		"KeyPrefixes":        {"key_prefixes", a.KeyPrefixes.Line},
	}
	for _, err := range unjoin(err) {
		problem, ok := errors.AsType[*httpapi.FieldError](err)
		if !ok {
			continue
		}
		if field, ok := fields[problem.Field]; ok {
			d.problem(field.line, "%s: %s", field.key, strings.TrimPrefix(problem.Err.Error(), "access: "))
		}
	}
}
