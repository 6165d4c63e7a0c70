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

// What is in this file stands for the service that exports are added to.

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

// secret signs links. Yours comes from where your secrets are, or links die with
// the process.
var secret = []byte(rand.Text() + rand.Text())

// token stands for the sessions of your users: it is Ada's, who is the manager
// of Acme Foods.
var token = rand.Text()

// authenticate says who makes a request, and where they may do what.
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
	fmt.Printf("curl -X POST -H 'Authorization: Bearer %s' http://localhost:8080/dashboard/api/v1/data-export/%s\n", token, acme)
	return mux
}

// must ends a program that cannot start.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
