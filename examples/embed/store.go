package main

import (
	"context"
	"embed"
	"iter"
	"path"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/sections"
)

// store stands for your database: what each organization owns, by its id.
type store map[string]belongings

type belongings struct {
	members   []member
	contracts []string // paths in contractFiles
}

type member struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

//go:embed contracts
var contractFiles embed.FS

var (
	acme     = export.Organization{ID: "H9cNmGXLEc8NWcZzSThA9S", Slug: "acme-foods", Name: "Acme Foods"}
	acmeOnly = store{acme.ID: {
		members:   []member{{"Ada", "ada@acme.example"}, {"Grace", "grace@acme.example"}},
		contracts: []string{"contracts/supply-2026.txt"},
	}}
)

func (s store) members(_ context.Context, scope export.Scope) iter.Seq2[member, error] {
	return func(yield func(member, error) bool) {
		for _, m := range s[scope.Organization.ID].members {
			if !yield(m, nil) {
				return
			}
		}
	}
}

func (s store) contracts(_ context.Context, scope export.Scope) iter.Seq2[sections.File, error] {
	return func(yield func(sections.File, error) bool) {
		for _, name := range s[scope.Organization.ID].contracts {
			if !yield(sections.File{Source: name, Name: path.Base(name)}, nil) {
				return
			}
		}
	}
}
