package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"embed"
	"fmt"
	"iter"
	"net/http"
	"path"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/httpapi"
	"github.com/orgexport/orgexport/sections"
)

// This file stands for the service that exports are added to.

// store stands for your database: what each organization owns, by its id.
type store map[string]belongings

type belongings struct {
	slug, name string
	members    []member
	contracts  []string // paths in contractFiles
}

type member struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

//go:embed contracts
var contractFiles embed.FS

const acme = "H9cNmGXLEc8NWcZzSThA9S"

var db = store{acme: {
	slug: "acme-foods", name: "Acme Foods",
	members:   []member{{"Ada", "ada@acme.example"}, {"Grace", "grace@acme.example"}},
	contracts: []string{"contracts/supply-2026.txt"},
}}

// Get implements [jobs.Organizations].
func (s store) Get(_ context.Context, id string) (export.Organization, error) {
	b, ok := s[id]
	if !ok {
		return export.Organization{}, export.ErrNotFound
	}
	return export.Organization{ID: id, Slug: b.slug, Name: b.name}, nil
}

// members returns an iterator over an organization's members.
func (s store) members(_ context.Context, scope export.Scope) iter.Seq2[member, error] {
	return func(yield func(member, error) bool) {
		for _, m := range s[scope.Organization.ID].members {
			if !yield(m, nil) {
				return
			}
		}
	}
}

// contracts is a section of the service's own: the files of an organization's
// contracts. A file that is missing is skipped, and the archive says so.
type contracts struct{}

// Key implements [export.Section]: it is the folder in the archive.
func (contracts) Key() string { return "contracts" }

// Export implements [export.Section].
func (contracts) Export(ctx context.Context, scope export.Scope, sink export.Sink) error {
	for _, name := range db[scope.Organization.ID].contracts {
		file := sections.File{Source: name, Name: path.Base(name)}
		if err := sections.CopyFile(ctx, sink, contractFiles, file); err != nil {
			return err
		}
	}
	return nil
}

// token stands for the sessions of your users: it is Ada's, who is the manager
// of Acme Foods.
var token = rand.Text()

// authenticate returns who makes a request, and what they may export.
func authenticate(r *http.Request) (access.Principal, error) {
	if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+token)) != 1 {
		return access.Principal{}, httpapi.ErrUnauthorized
	}
	return access.Principal{Name: "user:ada", OrganizationID: acme, Role: access.Manager}, nil
}

// newMux makes the routes that the service has of its own.
func newMux() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintln(w, "Welcome.")
	})
	return mux
}
