// Package otel makes traces of exports with go.opentelemetry.io/otel. Which SDK
// and exporter they go to is for the host to choose; without a provider there are
// none.
//
//	tracer := otel.New(otel.Config{Provider: provider})
//	spool := tracer.Spool(spool)
//	service, err := jobs.New(jobs.Config{
//		Store:       tracer.Store(store),
//		Destination: tracer.Destination(destination),
//		Observers:   []jobs.Observer{tracer.Observer()},
//		…
//	})
//	handler := tracer.HTTP(api) // a handler of package httpapi
//
// # Traces
//
// A request is a trace, and so is each attempt at a job, wherever it is made.
// The two are not linked: a job does not know the request that asked for it. They
// are found by the id of the job, which is an attribute of both. If the worker's
// context has a span, for example of a queue, the attempt is linked to that.
//
// Ports make spans within these only. So heartbeats, claims and the reaper, which
// come every few seconds, make none, nor does the sweep.
//
// # Spans
//
//	<method> <route>    server    http.request.method, http.route, http.response.status_code, orgexport.job.id, orgexport.organization.id
//	job attempt         internal  orgexport.job.id, orgexport.organization.id, orgexport.job.attempt, orgexport.archive.format, orgexport.job.outcome, orgexport.archive.bytes
//	section <key>       internal  orgexport.section.key, orgexport.section.status, orgexport.section.records, orgexport.section.binaries, orgexport.section.bytes
//	store create        client    orgexport.job.id, orgexport.organization.id
//	store get           client    orgexport.job.id, orgexport.organization.id
//	store list          client    orgexport.organization.id
//	store update        client    orgexport.job.id
//	spool put           client    orgexport.section.key, orgexport.bytes
//	spool open          client    orgexport.section.key
//	spool delete        client    orgexport.section.key
//	spool list          client    orgexport.job.id
//	destination put     client    orgexport.object.key, orgexport.bytes
//	destination open    client    orgexport.object.key
//	destination delete  client    orgexport.object.key
//	destination list    client    orgexport.object.prefix
//
// The route is the path in the pattern of [http.ServeMux] that a request matches,
// as in "GET /healthz"; if it matches none there is only the method, which is
// "_OTHER" if HTTP has no such. A request span has the ids of a job that it has
// created, cancelled or purged. In a job attempt are its sections, what it writes
// to the store, and the putting of its archive; in a section what the section
// itself does with its context, and the putting of its part.
//
// # What is not told
//
// No span has a URL, a query, SQL, a text of an error, a header field or data of
// a customer in it. A span that failed has the status Error and the attribute
// error.type: "canceled", "timeout", "not_found", "too_large", "no_space",
// "lease_lost", "status_500" and the like of a request, "aborted" of one that
// broke off, or "other". The log has the causes. That something is not there is
// no failure of a port, and that a section is partial none of the section.
package otel
