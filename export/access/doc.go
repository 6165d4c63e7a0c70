// Package access decides who may export an organization, and how often: API keys,
// sessions, members, principals and rate limits, and the ports of their stores.
//
// # API keys
//
// A key is text for a program to send: a prefix that tells its [Kind], 32 random
// letters and digits, and the CRC-32 (IEEE) of those in eight hexadecimal
// digits, with underscores between. The checksum lets a mistyped key be refused
// before anything is looked up. Stores keep only the SHA-256 of the whole text.
// The prefixes can be your own: see [KeyPrefixes].
//
// # Sessions
//
// A [Session] is for a browser that is signed in. Its text is 43 random letters. Stores
// keep only its SHA-256, and may remove sessions that have expired.
//
// # Rate limits
//
// A [Counter] counts requests in windows of fixed length, such as a minute and a day;
// [MemCounter] is one for a single process. [Limits] say how many there may be.
//
// # Entitlement
//
// A [Principal] is the one who makes a request, by a key, a session or a token.
// [MayExport] reports whether it may export an organization.
package access
