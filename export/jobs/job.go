package jobs

import (
	"slices"
	"time"

	"github.com/orgexport/orgexport/export"
)

// Job is one requested export: a row of a [Store]. Instants are in UTC, in whole
// milliseconds and by the clock of the store. state.go has the rules by which a job
// changes.
type Job struct {
	// ID is the 22-character short id by which the requester polls.
	ID string

	// Organization is whose data is exported. Slug and Name are empty until the
	// first worker has looked them up. Then they stay, so that all attempts at the
	// job make the same bytes.
	Organization export.Organization

	// Format is the name of the archive format, such as "zip". Sections are the
	// requested keys, sorted and each once; none means all. RetryOf is the id of the
	// job that this one retries, whose good parts are used, or empty.
	Format   string
	Sections []string
	RetryOf  string

	// Keys are the sections that the job is to make, in the order of the archive: those of
	// the configuration by which it was created. None means those of its worker.
	Keys []SectionKey

	// Requester is the name of the principal that requested the export.
	Requester string

	// Priority orders the jobs that wait: see [Scheduler].
	Priority int

	CreatedAt time.Time

	// AsOf is [export.Scope.AsOf]: the second in which the job was created. A retry
	// has that of the job that it retries.
	AsOf time.Time

	Status Status

	// Attempt counts how often a worker has claimed the job. It fences every write
	// of a worker, and stands in the names of its parts and of its archive.
	Attempt int

	// ClaimedAt is when a worker last claimed the job or came to help with it. Zero means
	// never.
	ClaimedAt time.Time

	// Claims counts the workers that have claimed the job or helped with it. Each has the number
	// that it was, and the parts that it makes have that as their Attempt. Worker is that of the
	// worker that claimed it last.
	Claims int
	Worker int

	// Failures counts the attempts that ended because storage failed or because the
	// worker was lost.
	Failures int

	// Suspect counts how often a worker was lost that had the job, up to 2: see state.go.
	// Alone means that the current attempt has had its process to itself so far.
	Suspect int
	Alone   bool

	// UnableSince is when a worker first gave the job back because it lacks one of the
	// sections. It is zero if none has, or if another worker had all of them.
	UnableSince time.Time

	// LeaseOwner is the node whose worker has the job. Until LeaseUntil other
	// processes leave a job in flight alone: its task is on the way if it is pending,
	// and its worker has it if it is processing. Both are zero once it has ended.
	LeaseOwner string
	LeaseUntil time.Time

	// PutOff means that an attempt has failed and that the job waits until
	// LeaseUntil before it is tried again.
	PutOff bool

	// Progress is how far each section is that has started, in no order. What helpers export is
	// in Helpers.
	Progress []SectionProgress

	// FanOut says whether other workers may help with the job: see [Config.FanOut]. They may
	// begin to as long as SharedBy is Attempt.
	FanOut   FanOut
	SharedBy int

	// Shards are what parts are made of, in the order of the archive, if other workers help or
	// sections were split. Helpers are those workers, and Snapshot is what they read.
	Shards   []Shard
	Helpers  []Helper
	Snapshot export.SharedSnapshot

	// Parts are the sealed parts, for any worker to go on with. Results are the
	// results of their sections, in no order. Once the job is completed, Results is
	// the inventory in the order of the archive.
	Parts   []export.PartID
	Results []export.SectionResult

	// Error says why the job has failed. It is a public text. Cancelled tells that it was
	// cancelled.
	Error     string
	Cancelled bool

	FinishedAt time.Time // when the job was completed or failed

	// Filename is the suggested name of the archive, ObjectKey its key in the
	// [Destination], Size its length in bytes and SHA256 its digest. They are zero
	// until the job is completed. ObjectKey is empty again once the archive is
	// purged.
	Filename  string
	ObjectKey string
	Size      int64
	SHA256    []byte

	// DamagedAt is when the archive was found to be missing, or not to be the one that
	// was made. It gets no links then. Zero means that nobody has found that.
	DamagedAt time.Time

	// ExpiresAt is when the archive is purged. PurgeAt is when the parts or the
	// archive are next to be deleted; it is zero if nothing is.
	ExpiresAt time.Time
	PurgeAt   time.Time
}

// Status is the state of a job: pending, processing, then completed or failed.
type Status string

// The statuses of a job, as the API spells them.
const (
	Pending    Status = "pending"    // waits for a worker
	Processing Status = "processing" // a worker has it
	Completed  Status = "completed"  // the archive was made; it may be purged by now
	Failed     Status = "failed"     // no archive could be made, or the job was cancelled
)

// InFlight reports whether the job has not ended yet.
func (s Status) InFlight() bool { return s == Pending || s == Processing }

// Waits reports whether the next free worker may claim the job.
func (j Job) Waits() bool { return j.Status == Pending && !j.PutOff }

// SectionKey is a section that a job is to make.
type SectionKey struct {
	Key      string `json:"key"`
	Required bool   `json:"required,omitempty"` // see [export.SectionOptions]
}

// hasArchive reports whether the archive of the job is the one under a key.
func (j Job) hasArchive(key string) bool {
	return j.Status == Completed && j.ObjectKey == key && key != ""
}

// SectionProgress is how far a section of a running job is.
type SectionProgress struct {
	Key      string `json:"key"`
	Records  int64  `json:"record_count"`
	Binaries int64  `json:"binary_count,omitempty"`
	Bytes    int64  `json:"bytes,omitempty"` // before packing

	// Done of Total items are finished, as the section says by [export.Progress].
	// Total is 0 if it says nothing.
	Done  int64 `json:"done,omitempty"`
	Total int64 `json:"total,omitempty"`
}

// Clone returns a copy that shares no memory with j.
func (j Job) Clone() Job {
	j.Sections = slices.Clone(j.Sections)
	j.Keys = slices.Clone(j.Keys)
	j.Progress = slices.Clone(j.Progress)
	j.Shards = slices.Clone(j.Shards)
	j.Helpers = slices.Clone(j.Helpers)
	for i := range j.Helpers {
		j.Helpers[i].Progress = slices.Clone(j.Helpers[i].Progress)
	}
	j.Parts = slices.Clone(j.Parts)
	j.Results = slices.Clone(j.Results)
	j.SHA256 = slices.Clone(j.SHA256)
	return j
}

// SameRequest reports whether two jobs are of the same request: the same
// organization, format, sections and retried job.
func (j Job) SameRequest(other Job) bool {
	return j.Organization.ID == other.Organization.ID && j.Format == other.Format &&
		j.RetryOf == other.RetryOf && slices.Equal(j.Sections, other.Sections)
}
