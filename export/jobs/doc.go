// Package jobs is the life of exports as jobs: requested, run by workers on any
// number of machines, kept for a while, downloaded by links, deleted.
//
// # A service
//
// A [Service] has an [export.Engine] and five ports:
//
//   - [Store] keeps the jobs (adapters/bunstore),
//   - [Dispatcher] brings them to workers (adapters/inproc, adapters/riverqueue),
//   - [Destination] keeps the archives (adapters/dir),
//   - [Signer] makes links to them (package sign),
//   - [Organizations] knows whose data there is (yours).
//
// [New] makes a Service, and [Service.Run] does all work of a process until its
// context ends. Package jobstest has a test kit and an in-memory fake for each port.
//
// # A job
//
// [Service.Create] stores a [Job]. It is pending until a worker claims it, then
// processing until it is completed or has failed. The file state.go has all rules of
// this life. Requesters poll with [Service.Get] and download with [Service.Link];
// [Service.Delete] cancels a job or deletes its archive.
//
// # What a crash loses
//
// A worker has a job for the time of a lease, and renews it while it lives. When it
// is lost, its lease runs out and another worker takes the job over, with the parts
// that were sealed. Whatever the lost worker still writes is refused: each write
// names its attempt. No task of the dispatcher has to survive, because
// [Service.Maintain] finds in the store what is left to do.
//
// # Retries
//
// A section that fails does not fail its job. [Request.RetryOf] makes a new job that runs
// again what was not ok or empty and takes the rest over as it was, with the AsOf and the
// file name of the first job; the manifest says which job ran each section. Parts are kept
// for [Config.PartsRetention], and for longer while a retry in flight uses them. A part that
// is gone, damaged or of another configuration is no error: its section runs again.
//
// # Archives that rot
//
// Disks, file systems and buckets lose bytes without a word. An archive is read back
// before its job is completed ([Config.ReadBack]), its size is asked for whenever
// [Service.Link] makes a link, and [Service.Scrub] reads all of them. One that is missing
// or changed gets no links: [Job.DamagedAt] says so. Its job stays completed, and the
// same request makes a new one.
//
// # Many workers for one job
//
// With [Config.FanOut] workers that have nothing else to do help with a job that another has. Its
// sections are the [Shard] values of its row, and a section that is an [export.Splitter] has several
// of them. A helper takes one after the other, each with a lease of its own, and the job's own
// worker joins the parts of all. The file stateshards.go has the rules.
//
// # Many machines
//
// All nodes share the ports and have the same configuration. Only the clock of the
// store counts. If the store is a [Scheduler], a free worker takes the next job by
// fair share between organizations.
package jobs
