// Package archive makes and reads archives. It has the formats zip and tar.gz;
// package archive/xz has tar.xz, and archive/zstd tar.zst. It knows nothing of
// exports.
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
// stretch of the body its length or its directory record. Keep both until they
// are joined. A part that was cut or changed, or that is of another format or
// of a newer version, is refused with an error that matches [ErrPart].
//
// A large file can be packed in pieces, on different machines and in any order:
// [Format.PackPiece] packs one, and [Joiner.File] makes one file of them, with
// short texts between them such as commas. Their packed bytes are copied, too. But
// they are also unpacked on the way, because the file's SHA-256 does not follow
// from those of its pieces. Where a file is cut decides its packed bytes, so let
// the data decide where, and not the number of workers.
//
// Equal files in equal order give equal bytes, on every machine and with any
// number of processors. Bytes depend only on each file's [Entry] and contents,
// the format, [Options.Level], and the versions of this package and its codecs.
//
// # Read an archive
//
// [Format.NewReader] reads an archive file by file, whoever made it. The
// [Reader] trusts nothing that the archive says, and keeps to the limits of
// [ReadOptions]. The format of an unknown archive is the one whose
// [Format.Magic] it begins with.
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
//     with another compression. With a library it is a package of its own, so that
//     only those who use the format link that: archive/zstd and its zstd_test.go
//     show all of it. (gzip.go is a codec that needs a dictionary and a check sum of
//     the whole stream.) For anything but tar implement [Format], as zip.go does
//     on pack.go and join.go;
//   - test it with archivetest.Run; the test flag -update makes the golden part;
//   - add it to the list of each program that is to know it: that of exportd is
//     in httpapi/exportd/internal/config/formats.go.
//
// In this repository a new package also needs a depguard rule in .golangci.yml,
// `go test ./export -run TestDependencies -update`, and a line in CHANGELOG.md; README.md
// names the formats. If a foreign tool is to judge its archives, .ci/run installs
// that. Other tests have formats of their choice and need not know a new one.
package archive
