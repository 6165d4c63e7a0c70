package datadir_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/orgexport/orgexport/adapters/datadir"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
	"github.com/orgexport/orgexport/sections"
	"github.com/orgexport/orgexport/sign"
)

// A service on one folder: it takes a request for an export, runs it, and serves
// the archive by a link.
func Example() {
	folder, err := os.MkdirTemp("", "exports-*") // yours is /var/lib/exports or so
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder) //nolint:errcheck // it is a temporary folder

	ctx, stop := context.WithCancel(context.Background()) // yours ends with a signal
	defer stop()
	data, err := datadir.Open(ctx, folder, datadir.Config{
		Links: sign.Config{URL: "https://example.com/downloads"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer data.Close()

	engine, err := export.New(export.Config{Spool: data.Parts, Sections: []export.Section{notes()}})
	if err != nil {
		fmt.Println(err)
		return
	}
	service, err := jobs.New(data.JobsConfig(engine, jobstest.MemOrganizations{acme: {ID: acme, Slug: "acme-foods"}}))
	if err != nil {
		fmt.Println(err)
		return
	}
	done := make(chan error)
	go func() { done <- service.Run(ctx) }()

	job, _, err := service.Create(ctx, jobs.Request{OrganizationID: acme})
	for err == nil && job.Status.InFlight() {
		time.Sleep(10 * time.Millisecond)
		job, err = service.Get(ctx, acme, job.ID)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	link, err := service.Link(ctx, job)
	if err != nil {
		fmt.Println(err)
		return
	}
	response := httptest.NewRecorder()
	data.Links.ServeHTTP(response, httptest.NewRequestWithContext(ctx, http.MethodGet, link.URL, http.NoBody))
	fmt.Println(job.Status, response.Code, response.Header().Get("Content-Type"))

	stop()
	fmt.Println(<-done)
	// Output:
	// completed 200 application/zip
	// <nil>
}

// notes is a section of one file.
func notes() export.Section {
	return sections.New("notes", func(_ context.Context, _ export.Scope, sink export.Sink) error {
		return sink.Record("note.yaml", map[string]string{"text": "hello"})
	})
}
