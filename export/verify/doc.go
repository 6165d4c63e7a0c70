// Package verify reads finished archives as a user received them, and tells
// whether they are whole.
//
// [Verify] reads an archive once and in bounded memory. It checks every file
// against SHA256SUMS, wherever in the archive that stands, and the manifest
// against the files. What is wrong are findings; an error means that the
// archive could not be read at all. An archive that another program made of
// the unpacked folder is whole too, whatever the order of its files.
//
// Whole means: as the list of sums in it says. Who made the list is another
// question, which a signature beside it answers.
//
// [Detect] tells the format of an archive by its first bytes. [Files] and
// [Records] read sections and their records; they are for building on.
package verify
