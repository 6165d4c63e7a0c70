// Package access says who asks, what they may and how often: API keys, sessions,
// members, principals and rate limits, and the ports of the stores that keep them.
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
// A [Session] is a browser that is signed in. Its text is 43 random letters, of
// which as well only the SHA-256 is stored. Who keeps sessions may remove those
// that have expired.
//
// # Rate limits
//
// Requests are counted in windows of fixed length, such as a minute and a day, by
// a [Counter]; [MemCounter] is one for a single process. How many may be in a
// window is not its business: see [Limits].
//
// # Entitlement
//
// A [Principal] is who makes a request, however they proved it. [MayExport]
// decides whether they may export an organization.
package access
