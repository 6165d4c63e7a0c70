package jobs_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/orgexport/orgexport/adapters/inproc"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
)

// notes is a section with one file.
type notes struct{}

func (notes) Key() string { return "notes" }

func (notes) Export(_ context.Context, _ export.Scope, sink export.Sink) error {
	return sink.Binary("hello.txt", strings.NewReader("hello"))
}

// A request becomes a job, a worker of this process exports it, and the requester
// polls until it has ended.
func Example() {
	engine, err := export.New(export.Config{Sections: []export.Section{notes{}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	acme := export.Organization{ID: "H9cNmGXLEc8NWcZzSThA9S", Slug: "acme-foods", Name: "Acme Foods"}
	service, err := jobs.New(jobs.Config{
		Engine:        engine,
		Store:         new(jobstest.MemStore), // in memory, for tests
		Dispatcher:    inproc.New(inproc.Config{}),
		Destination:   new(jobstest.MemDestination),
		Signer:        new(jobstest.MemSigner),
		Organizations: jobstest.MemOrganizations{acme.ID: acme},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error)
	go func() { ended <- service.Run(ctx) }()

	job, _, err := service.Create(ctx, jobs.Request{OrganizationID: acme.ID})
	for err == nil && job.Status.InFlight() {
		time.Sleep(time.Millisecond)
		job, err = service.Get(ctx, acme.ID, job.ID)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(job.Status)
	for _, section := range job.Results {
		fmt.Printf("%s: %s, %d binaries\n", section.Key, section.Status, section.Binaries)
	}
	link, err := service.Link(ctx, job)
	fmt.Println(link.URL != "", err)

	stop()
	fmt.Println(<-ended)
	// Output:
	// completed
	// notes: ok, 1 binaries
	// true <nil>
	// <nil>
}
