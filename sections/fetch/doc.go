// Package fetch is a source of files that data names by http and https URLs, such as the assets
// of products on a web server or in a bucket that makes presigned URLs.
//
//	source, err := fetch.New(fetch.Config{})
//	...
//	sections.SQL{Assets: []sections.AssetFiles{{
//		From:   source,
//		Source: "{{.url}}",
//		File:   "{{.product_id}}/{{.id}}.jpg",
//		SQL:    "SELECT id, product_id, url FROM assets WHERE organization_id = :organization_id ORDER BY id",
//	}}}
//
// A section of your own hands [Session.Open] to [export.FetchAll].
//
// # No way into the inside
//
// Whoever writes the data chooses the URLs, and the process that fetches them may reach what
// the writer may not: databases, other services, the metadata of a cloud. So a file is fetched
// from public addresses only. After a name is resolved every address is refused that the
// registries of IANA do not call global, or that leads to such a one, because it has an IPv4
// address within an IPv6 one. A name is refused if one of its addresses is. The connection is
// made to an address that was looked at, and that is looked at again when it is made: so a name
// that changes what it means gains nothing. All of that is done for each redirect, too.
//
// [Config.Networks] and [Config.Ports] allow more. Whoever writes the data can then read what
// answers there, at any path: allow what has nothing but files that every organization may have.
//
// A URL has the scheme http or https, the name of a host or an IP address in its usual form, and
// neither user nor password. Requests are GETs without cookies, credentials, Referer and proxies,
// also if the environment names some. Redirects are followed a few times, but not from https to
// http. Only HTTP/1.1 is spoken: a file whose turn has not come holds a connection, and nothing
// in memory.
//
// # Files and faults
//
// A file is whole in the archive or not in it. Where its server tells its size as many bytes
// have to come. If the connection breaks in the middle, the rest is asked for by its strong ETag
// (Range and If-Range); without one, or if the server does not do that, the file is read from its
// beginning, which has to be the same as before. So a file that changes is never half the one and
// half the other: it is skipped. No compression is asked for, and a file that comes with one all
// the same is skipped.
//
// A file that is missing (404, 410), refused (401, 403) or larger than [Config.MaxFileBytes] is
// skipped. What may be otherwise later, no answer or 408, 425, 429 and 5xx, is tried again, with
// growing delays or when the server says (Retry-After, which all requests to that host wait for,
// unless it is longer than [Config.Patience]: then only that file is skipped).
//
//   - If the host answers for other files in the meantime, the file is skipped after
//     [Config.Retries].
//   - If it answers for none it is down, and no file is missing: all of its files wait for it, for
//     up to [Config.Patience]. A host that has not answered in this run gets less of it the more
//     there are like it, if others answer.
//   - Then, if no host has answered in this run of the section, or a hundred files were skipped
//     for that, the section ends by a fault of the machine (see [export.MachineFault]) and is run
//     again, as when its database is down. Before, and however many they are in the last run of
//     the section, if any host answers in it, files are skipped: so a dead link, or a host that
//     is gone for good, keeps nobody from the rest of an export.
//
// Customers see fixed sentences. They are the same for a host that does not exist and one that is
// not allowed, so that nothing can be learned about the inside. Logs have no URLs, which may be
// presigned and so are secrets.
package fetch
