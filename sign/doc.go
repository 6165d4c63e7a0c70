// Package sign makes links to finished archives and serves the archives to who
// has one. A link needs no credentials: it is signed, is for one file, and dies
// after a while.
//
// # Keys
//
// Links are signed by HMAC-SHA-256 with a key of a [Ring]. The first key signs,
// and all of them check. Keys stand in a file that [ReadKeys] reads, one on a
// line, of which [NewKeyLine] makes one:
//
//	# signing keys: the first one signs
//	2026-07:kQ3…=
//	2026-01:8fT…=
//
// To change keys, put a new line at the top of the file of every server and
// start them again; once the last link of the old key has expired, remove its
// line. Where servers are started one after the other, add the new line below
// the old one first, so that all know it before one of them signs with it. A
// key that is removed no longer opens anything.
//
// # Links
//
// A [Signer] implements [jobs.Signer]. Its links are
//
//	https://example.com/downloads/ORGANIZATION/JOB/ATTEMPT.EXT/FILENAME?expires=SECONDS&kid=ID&signature=…
//
// The signature covers the method, the key of the object (and so organization,
// job and attempt), the file name, the expiry and the id of the signing key, but
// not the host and what stands before the object's key: the server may be moved.
// A link has exactly one spelling, and every other one is refused. A link is
// good for [http.MethodGet] and [http.MethodHead], strictly before its expiry.
//
// # Downloads
//
// A [Handler] checks a link before it looks anything up. It serves ranges, so
// that an interrupted download can be resumed (curl -C -), with a strong ETag
// and the field Repr-Digest (RFC 9530) of the archive's SHA-256. A slow client
// may take hours; one that takes nothing is cut off. If the archive cannot be
// read to its end the connection is broken, so that nobody takes a piece for the
// whole. Every download is recorded in the [audit.Trail].
//
// The handler writes neither links nor signatures to the log. A link is a
// secret for as long as it lives: keep the query of its path out of access logs,
// too.
package sign
