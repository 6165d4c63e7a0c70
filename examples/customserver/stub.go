package main

import (
	"context"
	"crypto/subtle"
	"iter"
	"net/http"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/sections"
)

// This file stands for what your service has already.

var acme = export.Organization{ID: "H9cNmGXLEc8NWcZzSThA9S", Slug: "acme-foods", Name: "Acme Foods"}

// bearer knows one user: who has the token may export the organization.
func bearer(token string, o export.Organization) func(*http.Request) map[string]export.Organization {
	return func(r *http.Request) map[string]export.Organization {
		given := r.Header.Get("Authorization")
		if subtle.ConstantTimeCompare([]byte(given), []byte("Bearer "+token)) != 1 {
			return nil
		}
		return map[string]export.Organization{o.ID: o}
	}
}

type member struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

var members = sections.FromSeq("members", "members.csv", func(context.Context, export.Scope) iter.Seq2[member, error] {
	return func(yield func(member, error) bool) {
		_ = yield(member{"Ada", "ada@acme.example"}, nil) && yield(member{"Grace", "grace@acme.example"}, nil)
	}
})
