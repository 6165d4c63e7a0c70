package customsection_test

import (
	"context"
	"io/fs"
	"iter"
	"os"
	"testing"

	"github.com/orgexport/orgexport/examples/customsection"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/sections"
	"github.com/orgexport/orgexport/sections/sectiontest"
)

// desk is a help desk with tickets of two organizations and of a third with an
// attachment that was lost.
type desk map[string][]customsection.Ticket

func (d desk) Tickets(ctx context.Context, organizationID string) iter.Seq2[customsection.Ticket, error] {
	return func(yield func(customsection.Ticket, error) bool) {
		for _, ticket := range d[organizationID] {
			if ctx.Err() != nil {
				yield(customsection.Ticket{}, context.Cause(ctx))
				return
			}
			if !yield(ticket, nil) {
				return
			}
		}
	}
}

var tickets = desk{
	"aQUEktNMu3Fe65ax6FSWEb": {
		{ID: "1001", Subject: "The tea is cold", Attachments: []string{"a/cup.txt", "a/pot.txt"}},
		{ID: "1003", Subject: "No biscuits: why?"},
	},
	"2LRUDfEgQDPQUuGN2svJix": {{ID: "1002", Subject: "The invoice is blank", Attachments: []string{"b/invoice.txt"}}},
	"H9cNmGXLEc8NWcZzSThA9S": {{ID: "1004", Subject: "See the picture", Attachments: []string{"c/lost.png"}}},
}

func scope(organizationID string) export.Scope {
	return export.Scope{Organization: export.Organization{ID: organizationID}}
}

func TestTickets(t *testing.T) {
	all, open := sectiontest.CountFS(os.DirFS("testdata/files"))
	files := func(organizationID string) fs.FS {
		files, _ := sections.InFolder(all, organizationID) // there is nothing to end
		return files
	}
	sectiontest.Run(t, sectiontest.Suite{
		New:        func(*testing.T) export.Section { return customsection.Tickets{Desk: tickets, Files: files} },
		Scope:      scope("aQUEktNMu3Fe65ax6FSWEb"),
		OtherScope: scope("2LRUDfEgQDPQUuGN2svJix"),
		Open:       open,
	})
}

// TestGolden compares with what is known to be right, in testdata/golden.
func TestGolden(t *testing.T) {
	files := func(organizationID string) fs.FS { return os.DirFS("testdata/files/" + organizationID) }
	section := customsection.Tickets{Desk: tickets, Files: files}
	sectiontest.Golden(t, section, scope("aQUEktNMu3Fe65ax6FSWEb"), "testdata/golden/tickets.txt")
	sectiontest.Golden(t, section, scope("H9cNmGXLEc8NWcZzSThA9S"), "testdata/golden/lost.txt")
}
