// Package sign makes links to finished archives, and serves an archive to whoever
// has a link to it. A link needs no credentials. It is signed, is good for one
// file, and expires.
//
// [Links] is both ends: the [jobs.Signer] of a service and the [http.Handler] of
// downloads.
//
//	links, err := sign.New(sign.Config{
//		Keys: keys, URL: "https://example.com/downloads",
//		Jobs: store, Destination: archives, Audit: store,
//	})
//	…
//	service, err := jobs.New(jobs.Config{Signer: links, …})
//	…
//	mux.Handle("/downloads/", links)
//
// # Keys
//
// Links are signed by HMAC-SHA-256 with a key of a [Keyring]. The first key signs,
// and all of them check. Keys stand in a file that [ReadKeyFile] reads, one on a
// line. [NewKeyLine] makes a line:
//
//	# signing keys: the first one signs
//	2026-07:kQ3…=
//	2026-01:8fT…=
//
// To change keys, put a new line at the top of the file of every server and
// start them again. Once the last link of the old key has expired, remove its
// line. Where servers are started one after the other, add the new line below
// the old one first, so that all know it before one of them signs with it. A
// key that is removed no longer opens anything.
//
// # Links
//
// The links are
//
//	https://example.com/downloads/ORGANIZATION/JOB/ATTEMPT.EXT/FILENAME?expires=SECONDS&kid=ID&signature=…
//
// A bound link ([Config].Bound) also has &for=…: whom it was made for, encrypted. It ends
// before its expiry when they may not export any more, because their API key was revoked or
// has expired, or they are no member any more. Links that are not bound, and presigned
// links of a bucket, stay good until they expire whatever happens to whom they were made for.
//
// The signature covers the method, the key of the object (and so organization,
// job and attempt), the file name, the expiry, the id of the signing key and whom the
// link is for. It
// does not cover the host and what stands before the object's key: the server may
// be moved. A link has exactly one spelling, and every other one is refused. A
// link is good for [http.MethodGet] and [http.MethodHead], strictly before its
// expiry.
//
// # Downloads
//
// A link is checked before anything is looked up. Ranges are served, so that an
// interrupted download can be resumed (curl -C -), with a strong ETag and the
// field Repr-Digest (RFC 9530) of the archive's SHA-256. A slow client may take
// hours. One that takes nothing is cut off. If the archive cannot be read to its
// end the connection is broken, so that nobody takes a piece for the whole. Every
// download is recorded in the [audit.Log]. An archive whose size is not that of its job,
// or that was found damaged (see [jobs.Job]), is not served at all: the status is 410.
//
// A link, and the links of one address, can be used only so often in a minute: see
// [Limits]. So many downloads of one job, of one address and in all may be open at once,
// because each holds a connection and an open archive for as long as its client takes bytes:
// see [AtOnce]. Of the downloads of a minute that differ only in their range, the log has the
// first and the sum of the others: see [audit.Summary] and [Links.Flush].
//
// Downloads are no-store: no browser or proxy keeps an archive, and none answers a
// request for a range by itself. Resuming needs none of them: a client has its own
// piece of the file and asks for the rest by Range and If-Range.
//
// Neither links nor signatures are written to the log. A link is a secret for as
// long as it lives: keep the query of its path out of access logs, too.
package sign
