// Command embed is a service that lets its customers export what they own: it
// mounts the API beside its own routes and behind its own authentication.
package main

import (
	"context"
	"net/http"
	"os"

	"github.com/orgexport/orgexport/adapters/bunstore"
	"github.com/orgexport/orgexport/adapters/dir"
	"github.com/orgexport/orgexport/adapters/inproc"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/httpapi"
	"github.com/orgexport/orgexport/sections"
	"github.com/orgexport/orgexport/sign"
)

// README: embed begin

// mountExports adds the API to a mux. What it returns runs the exports until ctx ends.
func mountExports(ctx context.Context, mux *http.ServeMux, url, data string) func(context.Context) error {
	store := must(bunstore.Open(ctx, "sqlite:"+data+"/jobs.db", bunstore.Config{})) // or postgres://…
	must(0, store.Migrate(ctx))
	archives, queue := must(dir.NewDestination(data+"/archives")), inproc.New(inproc.Config{})
	keys := must(sign.NewKeyring(sign.Key{ID: "1", Secret: secret}))
	links := must(sign.New(sign.Config{
		Keys: keys, URL: url + "/downloads", Jobs: store, Destination: archives, Trail: store, ErrorHandler: httpapi.WriteError,
	}))
	service := must(jobs.New(jobs.Config{
		Engine: must(export.New(export.Config{Spool: must(dir.NewSpool(data + "/parts")), Sections: []export.Section{
			sections.FromSeq("members", "members.csv", db.members), // an iterator over your data
			sections.FromFiles("contracts", contractFiles, db.contracts),
		}})),
		Store: store, Dispatcher: queue, Destination: archives, Signer: links, Organizations: db,
	}))
	api := must(httpapi.New(httpapi.Config{Service: service, Authenticate: authenticate, Downloads: links, PublicURL: url}))
	mux.Handle("/dashboard/api/v1/data-export/", api)
	mux.Handle("/downloads/", api)
	return func(ctx context.Context) error { go service.Maintain(ctx); return queue.Run(ctx, service.Work) }
}

// README: embed end

func main() {
	ctx, mux := context.Background(), newMux() // the service as it was
	work := mountExports(ctx, mux, "http://localhost:8080", must(os.MkdirTemp("", "embed")))
	go func() { must(0, work(ctx)) }()
	must(0, http.ListenAndServe("localhost:8080", mux))
}
