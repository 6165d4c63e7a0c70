// Package access says who asks and what they may: API keys, members and
// principals, and the ports of the stores that keep them.
//
// # API keys
//
// A key is text for a program to send: a prefix that tells its [Kind], 32 random
// letters and digits, and the CRC-32 (IEEE) of those in eight hexadecimal
// digits, with underscores between. The checksum lets a mistyped key be refused
// before anything is looked up. Stores keep only the SHA-256 of the whole text.
//
// # Entitlement
//
// A [Principal] is who makes a request, however they proved it. [MayExport]
// decides whether they may export an organization.
package access
