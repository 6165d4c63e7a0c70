// Package dir keeps archives and parts in a folder: a [Destination] and a
// [Spool] for one machine without set-up, or for several that share a folder.
//
//	destination, err := dir.NewDestination("/var/lib/exportd/archives")
//	spool, err := dir.NewSpool("/var/lib/exportd/parts")
//
// # What is in the folder
//
// The file of an object has its key as its path. That of a part is named
// JOB/SECTION-SHARD-ATTEMPT.part. Only the owner can read files (mode 0600) and
// folders (0700). A folder belongs to one Destination or one Spool, and holds nothing
// else. A symbolic link in it cannot lead out of it.
//
// No key may be a folder in the path of another, such as "a" and "a/b". On macOS and
// Windows two keys must differ in more than upper and lower case.
//
// # Writing
//
// Put writes into the folder "~tmp" first, which is not a key. Once the file is
// complete and on disk, Put renames it, waits until the new name is on disk as well,
// and returns. So an object is there whole or not at all, even after a crash. Windows
// offers no way to wait for the name, and some network file systems do not either.
//
// # Reading back
//
// A service reads an archive back before its job is completed, and whenever it scrubs
// (see [jobs.Service.Scrub]). On Linux it asks the system first to forget what it has of
// the file in memory, which is possible because Put has waited until the file is on disk.
// So the bytes come from the disk, unless its own memory, that of a controller or of the
// host of a virtual machine answers. Where the system keeps files in memory only, such as
// in a tmpfs, and on other systems, the bytes may come from memory: then reading back
// proves that the system has taken what was written, and not that the disk has.
//
// # Killed processes
//
// A process that is killed leaves files in "~tmp". They are removed when any process
// opens the folder, and by Sweep. Several processes may use a folder at once. So may
// several machines, if a machine sees the locks that another has on files, which is
// usual over NFS and SMB. Otherwise opening or sweeping the folder on one machine
// removes files that another is writing, and its Put fails.
package dir
