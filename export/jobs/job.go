package jobs

import (
	"slices"
	"time"

	"github.com/orgexport/orgexport/export"
)

// Job is one export that was asked for: a row of a [Store]. Instants are in UTC
// and whole milliseconds, and by the clock of the store if nothing else is said.
type Job struct {
	// ID is the 22-character short id by which the requester polls.
	ID string

	// Organization is whose data is exported. Slug and Name are empty until the
	// first worker has asked for them; then they stay, so that all attempts at
	// the job make the same bytes.
	Organization export.Organization

	// Format is the name of the [archive.Format], Sections are the keys that
	// were asked for, sorted and each once; none means all. RetryOf is the id of
	// the job whose sealed parts are to be used, or empty.
	Format   string
	Sections []string
	RetryOf  string

	// Requester names who asked, as audit entries do.
	Requester string

	// Priority orders the jobs that wait: see [Scheduler].
	Priority int

	CreatedAt time.Time

	// AsOf is [export.Scope.AsOf]: the second in which the job was created or, of a
	// retry, that of the first job.
	AsOf time.Time

	Status Status

	// Attempt counts how often a worker claimed the job. Whatever a worker writes
	// is fenced by it, and is in the names of its parts and of its archive.
	Attempt int

	// ClaimedAt is when a worker claimed the job last; zero if none has yet.
	ClaimedAt time.Time

	// Failures counts the attempts that ended by a failure of storage, or
	// without a word.
	Failures int

	// LeaseOwner is the worker that has claimed the job. While the job is in
	// flight somebody looks after it until LeaseUntil: the dispatcher while it is
	// pending, its worker while it is processing. Both are zero when it has ended.
	LeaseOwner string
	LeaseUntil time.Time

	// PutOff says that the job is pending because an attempt has failed, and is
	// not to be tried again before LeaseUntil.
	PutOff bool

	// Progress is how far the sections are that have started, in no order.
	Progress []SectionProgress

	// Parts are sealed and to be used by whoever goes on with the job. Results
	// are those of their sections, in no order; once the job is completed they
	// are the inventory, in the order of the archive.
	Parts   []export.PartID
	Results []export.SectionResult

	// Error is the public text of why the job failed.
	Error string

	FinishedAt time.Time // when the job was completed or failed

	// Filename is the suggested name of the archive, ObjectKey its key in the
	// [Destination], Size its length in bytes and SHA256 the digest of its
	// bytes. They are zero until the job is completed. ObjectKey is empty again
	// once the archive was purged.
	Filename  string
	ObjectKey string
	Size      int64
	SHA256    []byte

	// ExpiresAt is when the archive is purged, PurgeAt when something that is
	// kept for the job is to be deleted next. PurgeAt is zero if nothing is.
	ExpiresAt time.Time
	PurgeAt   time.Time
}

// JobStatus is where a job is in its life: pending, processing, then completed
// or failed.
type Status string

// The statuses of a job, as the API spells them.
const (
	Pending    Status = "pending"    // waits for a worker
	Processing Status = "processing" // a worker has it
	Completed  Status = "completed"  // there is, or was, an archive
	Failed     Status = "failed"     // no archive could be made, or it was cancelled
)

// InFlight tells whether the job is still to end.
func (s Status) InFlight() bool { return s == Pending || s == Processing }

// Waits tells whether the job is one for the next free worker.
func (j Job) Waits() bool { return j.Status == Pending && !j.PutOff }

// SectionProgress is how far a section of a running job is.
type SectionProgress struct {
	Key      string `json:"key"`
	Records  int64  `json:"record_count"`
	Binaries int64  `json:"binary_count,omitempty"`
	Bytes    int64  `json:"bytes,omitempty"` // before packing

	// Done of Total items are finished, as the section tells it by [export.Progress];
	// Total is 0 if it does not.
	Done  int64 `json:"done,omitempty"`
	Total int64 `json:"total,omitempty"`
}

// Clone returns a copy that shares no memory with j.
func (j Job) Clone() Job {
	j.Sections = slices.Clone(j.Sections)
	j.Progress = slices.Clone(j.Progress)
	j.Parts = slices.Clone(j.Parts)
	j.Results = slices.Clone(j.Results)
	j.SHA256 = slices.Clone(j.SHA256)
	return j
}

// SameRequest tells whether two jobs were asked for alike. Of the jobs in
// flight no two are.
func (j Job) SameRequest(other Job) bool {
	return j.Organization.ID == other.Organization.ID && j.Format == other.Format &&
		j.RetryOf == other.RetryOf && slices.Equal(j.Sections, other.Sections)
}
