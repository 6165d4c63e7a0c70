// Package archive packs files into parts and joins parts into one standard
// archive. It knows nothing of exports.
//
// # Pack and join
//
// An archive is made in two steps. [Format.Pack] turns a run of files into a
// part; parts can be packed at the same time, in any order, on any machine.
// [Format.Join] puts finished parts behind each other and makes them one
// archive; joining copies and merges and never compresses again.
//
// A part is two byte streams. Its body is laid bytes: they go into the
// archive as they are. Its tail is what joining needs to know about the body:
// a check sum, and for each format the lengths or directory records that the
// archive's own index is merged from. A part whose body or tail is cut,
// changed, of another format or of a newer version is refused with an error
// that matches [ErrPart]; make it again.
//
// # Same bytes
//
// Equal entries in equal order give equal bytes, whatever the timing, the
// machine or the number of packers. Names, contents, [Entry.ModTime], the
// format, [Options.Level] and the versions of this package and of the codec
// are all that enters a part.
//
// # Memory and disk
//
// Memory is flat: a [Pool] bounds the bytes in flight, and what grows with the
// number of files or their size (a packed file over one segment, the records
// of a tail, the central directory) waits in temporary files in
// [Options.Scratch]. On Unix these files have no name from the moment they are
// made, so a killed process leaves nothing behind.
//
// # Formats
//
// [Zip] and [TarGz] are here. Package archive/xz has tar.xz; it stands apart
// so that only those who use it link its codec. [NewTar] makes a tar format
// from any [Codec]. A format is a value handed to whoever needs it; nothing is
// registered.
package archive
