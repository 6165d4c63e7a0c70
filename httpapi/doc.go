// Package httpapi serves exports over HTTP: the operations of the data-export API
// on top of a [jobs.Service], and an OpenAPI document that describes them.
//
// # Embedding
//
// [New] makes one handler of all of it. Mount it in the mux of your service:
//
//	api, err := httpapi.New(httpapi.Config{
//		Service: service, // a *jobs.Service
//		Keys:    keys,    // API keys; or Authenticate: a function of yours
//		Members: members, // which user may export which organization
//	})
//	if err != nil {
//		return err
//	}
//	mux.Handle("/", api)
//
// It serves, with the default base path,
//
//	POST   /dashboard/api/v1/data-export/{organization_id}                  request an export
//	GET    /dashboard/api/v1/data-export/{organization_id}/{job_id}         poll it
//	GET    /dashboard/api/v1/data-export/{organization_id}                  list exports (extension)
//	DELETE /dashboard/api/v1/data-export/{organization_id}/{job_id}         cancel or purge an export (extension)
//	GET    /dashboard/api/v1/data-export/{organization_id}/{job_id}/events  watch an export (extension)
//	DELETE /dashboard/api/v1/session                                        log out (extension), if Config.Sessions is set
//	GET    /healthz, /readyz
//	GET    /openapi.json, /openapi.yaml
//	       /downloads/   if Config.Downloads is set
//	       /docs/        if Config.Docs is set
//
// To serve all of that below a path of your service, say so in [Config].PublicURL, such
// as "https://example.com/exports":
//
//	mux.Handle("/exports/", api)
//
// It makes no difference if a proxy, or [http.StripPrefix], removes that path on the way.
// Links of package sign then have the URL that clients use, with that path, and as
// sign.Config.Path the one that is left of it, such as "/downloads".
//
// # Your own name
//
// By default the API has the name, the texts and the paths of the contract that it
// implements. [Config] has fields to change them, each by itself: Info (title,
// description, terms, documentation), BasePath, ErrorBase, KeyPrefixes and
// PublicURL. Documents, error types, patterns for metrics and the check of API keys
// all go by these. Handlers with different names can serve in one process.
//
// # Who may do what
//
// Every request to an operation has a principal. It comes from the first of these
// that the request has; if that one is bad, the others do not help:
//
//   - an API key in the header field X-API-Key ([Config].Keys)
//   - a bearer token in the header field Authorization ([Config].Bearer)
//   - a session in the cookie sessionid ([Config].Sessions)
//
// With [Config].Authenticate set, only that function is asked. [Config].MayExport
// decides which organizations a principal may export.
//
// The host or exportd makes sessions. The API extends those that are used, and ends
// them. The cookie is HttpOnly, SameSite=Lax and, unless [Config].PublicURL begins
// with http:, Secure. A request that changes something and has a session is refused
// if the browser says that it comes from a foreign origin: neither the API's own nor
// one of [Config].TrustedOrigins.
//
// # Pages of other origins
//
// Pages of [Config].TrustedOrigins can use the API from a browser (CORS): with an API key
// or a bearer token, or with the session of their user (credentials: "include"; the cookie
// is SameSite=Lax, so that the page and the API have to be of one site). They can read every
// response, errors, events and downloads too, with the header fields about limits, links
// and the id of the request. What browsers ask before (preflights) needs no credentials and
// is not counted. Other pages can send what any form can, and read nothing.
//
// # Order of checks
//
// A request is checked in this order. The first check that fails answers:
//
//	429  the address has guessed credentials too fast
//	401  credentials: form and checksum of a key first, then the look-up
//	429  limits of the principal
//	403  another site has made a browser send the request with a session
//	406  the client does not accept what the operation answers with
//	413  the body is over 4 KiB; no operation needs one
//	415  there is a body, and it is not JSON
//	422  ids and parameters; jobs and members have not been looked up yet
//	403  the principal may not export the organization, or there is no such organization
//	404  the organization has no such job
//	429  the organization's quota of exports, which the service keeps
//
// If bearer tokens cannot be checked for the time being, requests with one get the
// status 503.
//
// # Limits
//
// [Config].Counter counts requests in windows of a minute and of a day, in UTC.
// A request with good credentials counts for its principal. A request without them,
// or to a path that is not served, counts for its address. Requests that are refused
// count as well. The responses say in RateLimit-Policy, RateLimit-Limit, -Remaining
// and -Reset what is left of the window with the fewest requests left. A request over
// a limit gets the status 429 and is told when to come again.
//
// An address that has sent too many bad credentials in a minute gets nothing but 429
// until the minute ends, whatever it sends: guessing is slow and learns nothing. All
// clients behind that address are shut out with it; therefore the limit of a day does
// not do the same. [Config].Authenticate is asked in any case.
//
// If the counter fails, or if it cannot be found out who makes a request (status 500
// or 503), the request is not counted and has none of these header fields.
//
// These are not limited: /healthz and /readyz, which load balancers ask; the
// documents and the page of documentation, which are small and in memory; and
// downloads, because a link is good for one archive and a short time, and is used
// many times when a download is resumed. /readyz asks the database and the storage of
// archives: keep it from the internet.
//
// # Events
//
// A stream of server-sent events tells how an export goes. It has an event "status"
// at once and after every change, with the data of a poll and the progress of the
// sections that run, and a comment every 15 seconds. The store is read once a second
// for each job, and more often in the first two, however many clients watch it; so the
// export may run anywhere.
//
// The stream ends
//
//   - with the export; the last event has the link
//   - when [Config].Stopping is closed
//   - when the client takes more than 10 seconds for an event
//   - when the client may not see the export any more, which is checked every 15
//     seconds and before the link is sent
//
// A client that comes back after the last event gets the status 204, so that browsers
// do not come again. Handlers of the host that wrap the http.ResponseWriter need its
// Unwrap: see [net/http.ResponseController].
//
// # Null
//
// A job always has output_filename, download_url, expires_at and error, as the contract
// describes them: they are null for as long as there is none. Where a field of a section
// or of an error is null, it is left out, as in the contract's examples.
//
// # Errors
//
// Every response with a status from 400 on is a problem (RFC 9457), even if no
// operation made it. Its detail is for clients. Causes go to the log, with the id of
// the request, which the response has in X-Request-Id. If the request brings an id of
// its own that is fit for a log, that one is used. Handlers that [Config] mounts
// answer errors by [WriteError].
//
// # Behind a proxy
//
// Limits, audit entries and the log have the address of the connection. Behind a proxy
// set [Config].ClientAddress, and that of package sign, to the function of package
// forwarded, which knows the proxies that are to be believed. Else all clients share the
// limits of one address, and one that guesses shuts all of them out.
package httpapi
