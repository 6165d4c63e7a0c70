// Package verify reads finished archives, as their users have them, and reports whether
// they are whole.
//
// [Verify] reads an archive once and in bounded memory. It checks every file
// against SHA256SUMS, wherever in the archive that stands, and the manifest
// against the files. Whatever is wrong is a finding; an error means that the archive
// could not be read. An archive that another program made of the unpacked folder is
// whole too, whatever the order of its files.
//
// Whole means that the archive is as its list of sums says. A signature beside the list
// says who made it.
//
// [Detect] recognises the format of an archive by its first bytes. [Files] and [Records]
// read sections and their records, for programs of your own.
package verify
