// Package httpapi serves exports over HTTP: the operations of the data-export
// API over an [export.Service], and an OpenAPI document that describes them.
//
// # Embedding
//
// [New] makes a handler of all of it. Mount it where clients look for it:
//
//	api, err := httpapi.New(httpapi.Config{
//		Service: service, // an *export.Service
//		Keys:    keys,    // API keys; or Authenticate: a function of yours
//		Members: members, // whose user may export what
//	})
//	mux.Handle("/", api)
//
// It serves
//
//	POST   /dashboard/api/v1/data-export/{organization_id}           request an export
//	GET    /dashboard/api/v1/data-export/{organization_id}/{job_id}  poll it
//	GET    /dashboard/api/v1/data-export/{organization_id}           list (extension)
//	DELETE /dashboard/api/v1/data-export/{organization_id}/{job_id}  cancel or purge (extension)
//	GET    /healthz, /readyz
//	GET    /openapi.json, /openapi.yaml
//	       /downloads/   if Config.Downloads is set
//	       /docs/        if Config.Docs is set
//
// A host that serves it below a path of its own strips that:
//
//	mux.Handle("/exports/", http.StripPrefix("/exports", api))
//
// # Who may what
//
// A request comes from a principal: that of its API key, in the header field
// X-API-Key, or whom [Config.Authenticate] says. [Config.MayExport] decides what
// they may. A request is checked in this order, and the first check that fails
// answers:
//
//	401  credentials; the form and checksum of a key before it is looked up
//	406  the client takes no JSON
//	413  the body is over 4 KiB; there need be none
//	415  there is a body, and it is no JSON
//	422  ids and parameters, before jobs or members are looked up
//	403  the principal may not export the organization, or there is none
//	404  the organization has no such job
//
// # Errors
//
// Every response with a status from 400 is a problem (RFC 9457), also where no
// operation made it. Its detail is for clients; causes go to the log, with the
// id of the request that is in the header field X-Request-Id of the response. A
// sane id in the request is kept. Handlers that [Config] mounts answer errors by
// [Fail].
//
// The address in audit entries is that of the connection. Behind a proxy, let
// the host put the client's own into RemoteAddr first.
package httpapi
