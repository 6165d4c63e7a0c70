// Package archive makes and reads archives. It has the formats zip and tar.gz;
// package archive/xz has tar.xz. It knows nothing of exports.
//
// # Make an archive
//
// An archive is made in two steps. [Format.Pack] packs files into a part. Parts
// can be packed at the same time, in any order, on any machine. [Format.Join]
// then puts the parts behind each other and makes them one archive. Joining
// only copies; it never compresses.
//
// A part is two byte streams. The body goes into the archive as it is. The tail
// holds what joining needs to know about the body: a check sum, and for each
// piece of the body its length or its directory record. Keep both until they
// are joined. A part that was cut or changed, or that is of another format or
// of a newer version, is refused with an error that matches [ErrPart].
//
// Equal files in equal order give equal bytes, on every machine and with any
// number of processors. What counts is [Entry], the contents, the format,
// [Options.Level], and the versions of this package and of its codecs.
//
// # Read an archive
//
// [Format.NewReader] reads an archive file by file, whoever made it. The
// [Reader] trusts nothing that the archive says, and keeps to the limits of
// [ReadOptions]. [Format.Magic] tells the format of an unknown archive.
//
// # Memory and disk
//
// Memory does not grow with the archive. A [Pool] bounds the bytes that are
// being packed. What grows with the number or the size of files (a large file
// that is being packed, a part's tail, the central directory) waits in
// temporary files in [Options.Scratch]. Except on Windows these have no name,
// so a killed process leaves nothing behind.
//
// # Add a format
//
// Nothing is registered: a format is a value that is handed to whoever needs
// it. To add one,
//
//   - implement [Codec] and pass it to [NewTar], if the format is a tar stream
//     with another compression (gzip.go is an example), or implement [Format],
//     if it is something else (zip.go);
//   - give it a package of its own, as archive/xz, if it needs a library, so
//     that only those who use the format link the library;
//   - test it with archivetest.Run (format_test.go);
//   - add it to the list of whoever shall offer it: that of exportd is in
//     httpapi/exportd/internal/cli/format.go.
package archive
