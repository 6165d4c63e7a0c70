// Package httpapi serves exports over HTTP: the operations of the data-export
// API over an [jobs.Service], and an OpenAPI document that describes them.
//
// # Embedding
//
// [New] makes a handler of all of it. Mount it where clients look for it:
//
//	api, err := httpapi.New(httpapi.Config{
//		Service: service, // an *jobs.Service
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
//	GET    …/{job_id}/events             watch it (extension)
//	DELETE /dashboard/api/v1/session     log out (extension), if Config.Sessions is set
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
// A request comes from a principal: that of its API key in the header field
// X-API-Key, of its bearer token in Authorization, of the session in its cookie
// "sessionid", or whom [Config.Authenticate] says. Only the first of these that
// there is counts, and a bad one is not made good by another. [Config.MayExport]
// decides what they may. A request is checked in this order, and the first check
// that fails answers:
//
//	429  the address has guessed credentials too fast
//	401  credentials; their form, and the checksum of a key, before they are looked up
//	429  limits
//	403  another site has made a browser send it with the cookie of a session
//	406  the client does not take what the operation answers with
//	413  the body is over 4 KiB; there need be none
//	415  there is a body, and it is no JSON
//	422  ids and parameters, before jobs or members are looked up
//	403  the principal may not export the organization, or there is none
//	404  the organization has no such job
//	429  the organization's quota of exports, which the service has
//
// While bearer tokens cannot be checked, requests with one have the status 503.
//
// Sessions are made by the host or by exportd; the API renews those that are
// used and ends them. Their cookie is HttpOnly, SameSite=Lax and, if
// [Config.PublicURL] is https, Secure. Requests that change anything are refused
// if a browser says that they come from an origin that is neither the API's own
// nor one of [Config.TrustedOrigins].
//
// # Limits
//
// Requests are counted in windows of a minute and of a day, UTC, by
// [Config.Counter]: those with good credentials for their principal, those
// without, and those that no route is for, for their address. Every such response
// tells in RateLimit-Policy, RateLimit-Limit, -Remaining and -Reset what is left
// of the window with the fewest requests left. One request too many has the
// status 429 and says when to come again; it counts as well.
//
// An address whose credentials were bad too often in a minute gets nothing but
// 429 until it ends, whatever it sends, so that guessing is slow and learns
// nothing. That holds for whoever shares the address, which is why the limit of
// the day does not do that. [Config.Authenticate] is always asked.
//
// Where the counter fails, and where it cannot be told who makes a request
// (status 500 or 503), nothing is counted and none of the fields is there.
//
// Not limited are /healthz and /readyz, which load balancers ask, the documents
// and the page of documentation, which are small and in memory, and downloads: a
// link is good for one archive and a short time, costs no look-up unless it is
// good, and is used many times where a download is resumed. Because /readyz asks
// the database and the storage of archives, keep it from the internet.
//
// # Events
//
// A stream of server-sent events tells how an export goes: an event "status" at
// once and whenever something has changed, with the data of a poll and "progress"
// of the sections that run, and a comment every 15 seconds. Because it reads the
// store, once a second for each job whatever the number of clients, it does not
// matter where the export runs. It ends with the export, whose last event has a
// link, when [Config.Stopping] is closed, when the client takes 10 seconds for an
// event, and when the client may not see it any more: that is checked again every
// 15 seconds and before the link. A client that comes back and has seen the last
// event gets the status 204, after which browsers do not come again. Handlers of
// the host that wrap the http.ResponseWriter need its Unwrap, as described for
// [net/http.ResponseController].
//
// # Errors
//
// Every response with a status from 400 is a problem (RFC 9457), also where no
// operation made it. Its detail is for clients; causes go to the log, with the
// id of the request that is in the header field X-Request-Id of the response. A
// sane id in the request is kept. Handlers that [Config] mounts answer errors by
// [WriteError].
//
// The address in audit entries and limits is that of the connection. Behind a
// proxy, let the host put the client's own into RemoteAddr first: else all
// clients share the limits of one address.
package httpapi
