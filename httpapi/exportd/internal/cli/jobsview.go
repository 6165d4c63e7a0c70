package cli

import (
	"encoding/hex"
	"slices"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

// listedJob is a job as it is shown. Names are those of the API where it has them. There is
// nothing of rows in it, such as the borders of shards.
type listedJob struct {
	ID                string          `json:"job_id"`
	OrganizationID    string          `json:"organization_id"`
	OrganizationSlug  string          `json:"organization_slug,omitempty"`
	OrganizationName  string          `json:"organization_name,omitempty"`
	Status            string          `json:"status"`
	Cancelled         bool            `json:"cancelled,omitempty"`
	Error             string          `json:"error,omitempty"`
	Format            string          `json:"archive_format"`
	RequestedSections []string        `json:"requested_sections,omitempty"`
	RetryOf           string          `json:"retry_of,omitempty"`
	Requester         string          `json:"requester"`
	RequestedAt       time.Time       `json:"requested_at"`
	AsOf              *time.Time      `json:"as_of,omitempty"`
	ClaimedAt         *time.Time      `json:"claimed_at,omitempty"`
	FinishedAt        *time.Time      `json:"finished_at,omitempty"`
	Attempt           int             `json:"attempt"`
	Failures          int             `json:"failures"`
	Suspect           int             `json:"suspect,omitempty"`
	PutOff            bool            `json:"put_off,omitempty"`
	Worker            string          `json:"worker,omitempty"`
	LeaseUntil        *time.Time      `json:"lease_until,omitempty"`
	Sections          []listedSection `json:"sections"`
	Helpers           []listedHelper  `json:"helpers,omitempty"`
	Shards            []listedShard   `json:"shards,omitempty"`
	SnapshotOpenedAt  *time.Time      `json:"snapshot_opened_at,omitempty"`
	Filename          string          `json:"output_filename,omitempty"`
	Size              int64           `json:"file_size_bytes"`
	SHA256            string          `json:"sha256,omitempty"`
	ObjectKey         string          `json:"object_key,omitempty"`
	DamagedAt         *time.Time      `json:"damaged_at,omitempty"`
	ExpiresAt         *time.Time      `json:"archive_deleted_at,omitempty"`
	PartsUntil        *time.Time      `json:"parts_deleted_at,omitempty"`
}

// listedSection is a section of a job: its result, or how far it is.
type listedSection struct {
	Key      string `json:"key"`
	Status   string `json:"status"`
	Records  int64  `json:"record_count"`
	Binaries int64  `json:"binary_count"`
	Bytes    int64  `json:"bytes,omitempty"` // of one that runs, as are the next two
	Done     int64  `json:"done,omitempty"`
	Total    int64  `json:"total,omitempty"`
	Error    string `json:"error,omitempty"`
}

// The statuses of sections that have no result.
const (
	sectionRuns  = "running"
	sectionWaits = "waiting"
	sectionNever = "unfinished" // the job ended before
)

// listedHelper is a worker that helps with a job.
type listedHelper struct {
	Number     int       `json:"worker"`
	Node       string    `json:"node"`
	LeaseUntil time.Time `json:"lease_until"`
}

// listedShard is a shard of a job.
type listedShard struct {
	Section  string `json:"section"`
	Number   int    `json:"number"`
	Status   string `json:"status"` // sealed, or as a section's
	Worker   int    `json:"worker,omitempty"`
	Local    bool   `json:"local,omitempty"`
	Lost     int    `json:"lost,omitempty"`
	Records  int64  `json:"record_count,omitempty"`
	Binaries int64  `json:"binary_count,omitempty"`
}

const shardSealed = "sealed"

func newListedJob(j jobs.Job) listedJob {
	listed := listedJob{
		ID:                j.ID,
		OrganizationID:    j.Organization.ID,
		OrganizationSlug:  j.Organization.Slug,
		OrganizationName:  j.Organization.Name,
		Status:            string(j.Status),
		Cancelled:         j.Cancelled,
		Error:             j.Error,
		Format:            j.Format,
		RequestedSections: j.Sections,
		RetryOf:           j.RetryOf,
		Requester:         j.Requester,
		RequestedAt:       j.CreatedAt,
		AsOf:              instant(j.AsOf),
		ClaimedAt:         instant(j.ClaimedAt),
		FinishedAt:        instant(j.FinishedAt),
		Attempt:           j.Attempt,
		Failures:          j.Failures,
		Suspect:           j.Suspect,
		PutOff:            j.PutOff,
		Worker:            j.LeaseOwner,
		LeaseUntil:        instant(j.LeaseUntil),
		Sections:          listedSections(j),
		Shards:            listedShards(j),
		SnapshotOpenedAt:  instant(j.Snapshot.OpenedAt),
		Filename:          j.Filename,
		Size:              j.Size,
		SHA256:            hex.EncodeToString(j.SHA256),
		ObjectKey:         j.ObjectKey,
		DamagedAt:         instant(j.DamagedAt),
	}
	for _, h := range j.Helpers {
		listed.Helpers = append(listed.Helpers, listedHelper{h.Worker, h.Node, h.LeaseUntil})
	}
	if j.ObjectKey != "" {
		listed.ExpiresAt = instant(j.ExpiresAt)
	}
	if !j.Status.InFlight() && len(j.Parts) > 0 {
		listed.PartsUntil = instant(j.PurgeAt)
	}
	return listed
}

// listedSections returns all sections of a job: those that it is to make, in the order of the
// archive, and others that it tells about.
func listedSections(j jobs.Job) []listedSection {
	all := make([]listedSection, 0, len(j.Keys)) // an empty list is no null
	at := func(key string) *listedSection {
		i := slices.IndexFunc(all, func(s listedSection) bool { return s.Key == key })
		if i < 0 {
			i, all = len(all), append(all, listedSection{Key: key, Status: sectionWaits})
		}
		return &all[i]
	}
	for _, k := range j.Keys {
		at(k.Key)
	}
	for _, s := range j.Shards {
		if s.Worker != 0 { // which may not have told anything yet
			at(s.Section).Status = sectionRuns
		}
	}
	for _, p := range j.SectionsProgress() {
		*at(p.Key) = listedSection{p.Key, sectionRuns, p.Records, p.Binaries, p.Bytes, p.Done, p.Total, ""}
	}
	for _, r := range j.Results {
		*at(r.Key) = listedSection{Key: r.Key, Status: string(r.Status), Records: r.Records, Binaries: r.Binaries, Error: r.Error}
	}
	for i := range all {
		if !all[i].ended() && !j.Status.InFlight() {
			all[i].Status = sectionNever
		}
	}
	return all
}

// ended reports whether the section has a result.
func (s listedSection) ended() bool {
	return s.Status != sectionRuns && s.Status != sectionWaits && s.Status != sectionNever
}

// incomplete reports whether the section has a result and lacks something.
func (s listedSection) incomplete() bool {
	return s.ended() && isIncomplete(export.SectionResult{Status: export.Status(s.Status)})
}

// listedShards returns what the parts of a job are made of, if that is known.
func listedShards(j jobs.Job) (all []listedShard) {
	for _, s := range j.Shards {
		status := sectionWaits
		switch {
		case slices.ContainsFunc(j.Parts, s.Of):
			status = shardSealed
		case s.Worker != 0:
			status = sectionRuns
		}
		all = append(all, listedShard{s.Section, s.Number, status, s.Worker, s.Local, s.Lost, s.Records, s.Binaries})
	}
	return all
}
