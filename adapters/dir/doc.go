// Package dir keeps archives and parts in a folder: a [Destination] and a
// [Spool] for one machine without set-up, or for several that share a folder.
//
//	destination, err := dir.NewDestination("/var/lib/exportd/archives")
//	spool, err := dir.NewSpool("/var/lib/exportd/parts")
//
// # What is in the folder
//
// The file of an object is named as its key, that of a part JOB/SECTION-SHARD-ATTEMPT.part.
// Files are for their owner only (mode 0600, folders 0700). A folder is either a
// destination or a spool, and holds nothing else; nothing that is reached through
// it lies outside, whatever symbolic links there are. Of the keys, none may be
// the folder of another, and on macOS and Windows they differ in more than case.
//
// # Writing
//
// What is written goes into the folder "~tmp" first, which no key can name. Once
// it is complete and on disk it gets its name in one step, and Put returns when
// that is on disk, too, as far as the system can tell (on Windows, folders cannot
// be waited for). So an object is there whole or not at all, also after a crash.
//
// What a process that was killed has left in "~tmp" is removed when the folder is
// opened next, by whomever, and by Sweep. Several processes may use a folder at once, and
// several machines if they see each other's locks on files, as over NFS or SMB
// they usually do. Where they do not, opening or sweeping the folder on one machine
// removes what another one is writing, whose Put fails then.
package dir
