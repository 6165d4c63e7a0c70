// Package export is the engine that turns everything an organization owns into
// one standard archive with an inventory and checksums.
//
// # Sections
//
// What is exported is written by sections. A [Section] has a key, which is its
// folder in the archive, and one method that pushes records and asset files
// into a [Sink]. Sections run at the same time, a few at once, and fail alone:
// an error, a panic, a time-out, too much data or an item that cannot be read
// makes its own section partial or error, and the rest of the archive is whole.
// Package sections has ready-made ones; package sections/sectiontest tests
// yours.
//
// # The engine
//
// An [Engine] is made once of a [Config] and runs any number of exports:
//
//	request → section → Sink → part → archive
//
// Each section's output is packed while it is written and sealed as a part in
// the [Spool]; the parts are joined, in the order of the sections, into the
// archive, which is written to any [io.Writer]. [Engine.Export] does all of it.
// [Engine.ExportSection] and [Engine.Join] are the two halves, for sections
// that run on different machines.
//
// # What is in an archive
//
// One folder at the top, named as the archive's file, and in it:
//
//	products/…               what the section products has written
//	products/_skipped.ndjson its items that could not be exported, if any
//	manifest.yaml            a [Manifest]: whose data, when, and the inventory
//	SHA256SUMS               for sha256sum -c
//
// Equal requests over equal data and configuration, with the same versions of
// this software, give equal bytes, whatever the timing and the machine.
//
// # Limits
//
// Memory does not grow with the export. With the default spool at most
// Concurrency + 1 parts are on disk at a time, each no larger than
// MaxSectionBytes, because a section keeps its place until its part has been
// joined: a slow destination slows the sections. Every limit has a default; see
// [Config].
//
// # Errors
//
// What customers may read is told apart from what operators see. Texts in
// archives and results are [PublicText]; causes go to [Config.Logger].
package export
