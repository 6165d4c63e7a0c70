// Package customsection is a section that anyone could publish: it exports the
// tickets of a help desk with the files that are attached to them.
//
// It is a module of its own. Whoever wants it adds it to the sections of an
// engine:
//
//	export.Config{Sections: []export.Section{
//		customsection.Tickets{Desk: desk, Files: attachments},
//	}}
package customsection

import (
	"context"
	"io/fs"
	"iter"
	"path"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/sections"
)

// Desk is a help desk. It is safe for concurrent use.
type Desk interface {
	// Tickets yields an organization's tickets, always in the same order. An
	// error, such as that ctx has ended, is the last that it yields.
	Tickets(ctx context.Context, organizationID string) iter.Seq2[Ticket, error]
}

// Ticket is what a customer asked.
type Ticket struct {
	ID          string   `json:"id"`
	Subject     string   `json:"subject"`
	Attachments []string `json:"attachments,omitempty"` // paths
}

// Tickets is the section: a folder for each ticket. Both fields are required.
type Tickets struct {
	Desk Desk

	// Files returns the files that an organization's tickets may name, and nobody else's.
	// It is safe for concurrent use.
	Files func(organizationID string) fs.FS
}

var _ export.Section = Tickets{}

// README: section begin

// Key is the section's folder in the archive.
func (Tickets) Key() string { return "tickets" }

// Export writes an organization's tickets, and the files attached to each.
func (t Tickets) Export(ctx context.Context, scope export.Scope, sink export.Sink) error {
	for ticket, err := range t.Desk.Tickets(ctx, scope.Organization.ID) {
		if err != nil {
			return err
		}
		if err := sink.Record(ticket.ID+"/ticket.yaml", ticket); err != nil {
			return err
		}
		for _, file := range ticket.Attachments { // a missing one is skipped, and the archive says so
			if err := sections.CopyFile(ctx, sink, t.Files(scope.Organization.ID), sections.File{Source: file, Name: ticket.ID + "/" + path.Base(file)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// README: section end
