// Package export makes one archive of everything that an organization owns.
//
// # Sections
//
// You say what is exported by writing a [Section] for each kind of data: a key, which
// is its folder in the archive, and one method that writes records and files into a
// [Sink]. Package sections has ready-made ones, and package sections/sectiontest tests
// yours.
//
// # The engine
//
// [New] makes an [Engine] of sections. [Engine.Export] makes an archive:
//
//	Request → sections → Sink → parts in the Spool → archive
//
// Sections run at the same time, a few at once. What a section writes is packed at once
// and sealed as a part in the [Spool]. The parts are joined in the order of the
// sections and written to any [io.Writer].
//
// A section fails alone. An error, a panic, a time-out or too much data makes this
// section partial or error, and so does an item that cannot be read. The rest of the
// archive is whole, and the [Result] says how each section ended. A section that the machine
// has failed, as by a lost connection, is run again a few times first: see [MachineFault].
//
// # What is in an archive
//
// One folder at the top, named as the archive's file, and in it:
//
//	products/…               what the section products has written
//	products/_skipped.ndjson its items that could not be exported, if any
//	products/_renamed.ndjson its files that have another name than they were given, if any
//	products/_notes.ndjson   what there is to know of its items, such as a file that grew, if any
//	manifest.yaml            a [Manifest]: whose data, when, and the inventory
//	SHA256SUMS               for sha256sum -c
//
// Equal requests give equal bytes if data, configuration and software are equal,
// whatever the timing and the machine. When sections were read is in the manifest only if
// they were to be of one moment and are not.
//
// # One point in time
//
// Sections that read a database by snapshots (see [SnapshotReader]) all read one moment of it:
// the engine opens a snapshot for the first of them and closes it after the last. The
// manifest says whether that went well, which follows from what the parts say: a part
// that is taken over from an earlier attempt is of another moment. See [Config.Consistency].
//
// # Limits
//
// Memory does not grow with the export. With the default spool at most
// Concurrency + 1 parts are on disk at a time, each no larger than MaxSectionBytes: a
// section keeps its place until its part is joined, so that a slow destination slows
// the sections. Every limit has a default: see [Config].
//
// # Errors
//
// Texts in archives and results are for customers: see [PublicText]. Causes go to
// [Config.Logger].
//
// # More machines, and jobs
//
// [Engine.Seal] on one machine, or a [Sealer] on each of several, and [Engine.Join] on another
// make the same archive over a Spool that all share. Package jobs does that for you:
// it keeps exports as jobs in a database and runs them on workers.
package export
