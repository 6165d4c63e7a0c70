// Package otel makes traces of exports with go.opentelemetry.io/otel. The host chooses
// the SDK and the exporter that they go to. Without a provider there are none.
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
// Each request is a trace of its own, and so is each attempt at a job. They are not
// linked, because a job does not know the request that asked for it. But both have the
// id of the job as an attribute. If the worker's context has a span, for example that of
// a queue, the attempt is linked to it.
//
// The calls of ports have spans only within these two. So there are none of heartbeats,
// claims and the reaper, which come every few seconds, nor of the sweep.
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
//	destination size    client    orgexport.object.key
//	destination delete  client    orgexport.object.key
//	destination list    client    orgexport.object.prefix
//
// The route is the path in the pattern of [http.ServeMux] that a request matches, as in
// "GET /healthz". If it matches none, the name of the span is the method alone. The
// method is "_OTHER" if HTTP does not define it. A request has the ids of a job that it
// creates, cancels or purges.
//
// A section that is run again, because the machine has failed it, has an event "section run
// again" for each time, with the class of the fault as orgexport.section.fault. The putting of
// the part that is thrown away has failed.
//
// Within an attempt are the spans of its sections, of what it writes to the store, and
// of the putting and reading back of its archive. Within a section are the spans that the section itself
// makes with its context, and that of the putting of its part.
//
// # What is left out
//
// No span has a URL, a query, SQL, the text of an error, a header field or data of a
// customer. A span that failed has the status Error and the attribute error.type. That
// is "canceled", "timeout", "not_found", "too_large", "no_space" or "lease_lost"; for a
// request it is its status, such as "status_500", or "aborted" if the handler panicked;
// and else it is "other". The log has the causes. It is no failure of a port if
// something is not found, and none of a section if it is partial.
package otel
