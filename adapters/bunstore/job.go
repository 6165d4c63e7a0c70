package bunstore

import (
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

// jobRow is a row of the table of jobs.
type jobRow struct {
	bun.BaseModel `bun:"table:jobs,alias:job"`

	ID      string `bun:"id,pk"`
	Version int64  `bun:"version"` // counts writes: an update fails if it is not the one that was read

	// Request is a digest of the columns that are equal in two equal requests. A
	// unique index of the columns themselves would limit the number of sections.
	Request []byte `bun:"request"`

	OrganizationID   string `bun:"organization_id"`
	OrganizationSlug string `bun:"organization_slug"`
	OrganizationName string `bun:"organization_name"`

	Format    string `bun:"format"`
	Sections  string `bun:"sections"` // JSON, as are Progress, Parts and Results
	RetryOf   string `bun:"retry_of"`
	Requester string `bun:"requester"`
	CreatedAt int64  `bun:"created_at"` // never NULL, which databases sort differently

	AsOf       sql.Null[int64] `bun:"as_of"`
	Status     string          `bun:"status"`
	Attempt    int             `bun:"attempt"`
	ClaimedAt  sql.Null[int64] `bun:"claimed_at"`
	Failures   int             `bun:"failures"`
	Priority   int             `bun:"priority"`
	PutOff     bool            `bun:"put_off"`
	Keys       string          `bun:"keys"` // JSON
	Suspect    int             `bun:"suspect"`
	Alone      bool            `bun:"alone"`
	Unable     sql.Null[int64] `bun:"unable_since"`
	Cancelled  bool            `bun:"cancelled"`
	DamagedAt  sql.Null[int64] `bun:"damaged_at"`
	LeaseOwner string          `bun:"lease_owner"`
	LeaseUntil sql.Null[int64] `bun:"lease_until"`
	DueAt      sql.Null[int64] `bun:"due_at"` // see dueAt
	Progress   string          `bun:"progress"`
	Parts      string          `bun:"parts"`
	Results    string          `bun:"results"`
	Error      string          `bun:"error"`
	FinishedAt sql.Null[int64] `bun:"finished_at"`
	Filename   string          `bun:"filename"`
	ObjectKey  string          `bun:"object_key"`
	Size       int64           `bun:"size"`
	SHA256     []byte          `bun:"sha256"`
	ExpiresAt  sql.Null[int64] `bun:"expires_at"`
	PurgeAt    sql.Null[int64] `bun:"purge_at"`

	sharedColumns

	// Now is the time of the database, if the query asks for it.
	Now int64 `bun:"now_ms,scanonly"`
}

// fixedColumns are those that do not change after a job is stored.
var fixedColumns = []string{"id", "request", "organization_id", "format", "sections", "retry_of", "created_at"}

// partID is an [export.PartID] as it is stored: its JSON does not change when the
// fields of that are renamed.
type partID struct {
	JobID   string `json:"job_id"`
	Section string `json:"section"`
	Shard   int    `json:"shard,omitempty"`
	Attempt int    `json:"attempt"`
}

// newJobRow returns the row that stores a job. The error says which text cannot be
// stored.
func newJobRow(j jobs.Job, version int64) (*jobRow, error) {
	if err := checkJob(j); err != nil {
		return nil, err
	}
	row := &jobRow{
		ID:               j.ID,
		Version:          version,
		Request:          requestDigest(j),
		OrganizationID:   j.Organization.ID,
		OrganizationSlug: j.Organization.Slug,
		OrganizationName: j.Organization.Name,
		Format:           j.Format,
		RetryOf:          j.RetryOf,
		Requester:        j.Requester,
		CreatedAt:        j.CreatedAt.UnixMilli(),
		AsOf:             millis(j.AsOf),
		Status:           string(j.Status),
		Attempt:          j.Attempt,
		ClaimedAt:        millis(j.ClaimedAt),
		Failures:         j.Failures,
		Priority:         j.Priority,
		PutOff:           j.PutOff,
		LeaseOwner:       j.LeaseOwner,
		LeaseUntil:       millis(j.LeaseUntil),
		DueAt:            millis(dueAt(j)),
		Error:            cleanText(j.Error),
		FinishedAt:       millis(j.FinishedAt),
		Filename:         j.Filename,
		ObjectKey:        j.ObjectKey,
		Size:             j.Size,
		SHA256:           append([]byte(nil), j.SHA256...), // nil if empty
		ExpiresAt:        millis(j.ExpiresAt),
		PurgeAt:          millis(j.PurgeAt),
		Suspect:          j.Suspect,
		Alone:            j.Alone,
		Unable:           millis(j.UnableSince),
		Cancelled:        j.Cancelled,
		DamagedAt:        millis(j.DamagedAt),
	}
	results := slices.Clone(j.Results)
	for i := range results {
		results[i].Error = cleanText(results[i].Error)
	}
	parts := make([]partID, len(j.Parts))
	for i, p := range j.Parts {
		parts[i] = partID(p)
	}
	var err error
	row.sharedColumns, err = newSharedColumns(j)
	err = errors.Join(
		err, encodeList(&row.Sections, j.Sections), encodeList(&row.Keys, j.Keys), encodeList(&row.Progress, j.Progress),
		encodeList(&row.Parts, parts), encodeList(&row.Results, results))
	return row, err
}

// job returns the job that the row stores.
func (r *jobRow) job() (jobs.Job, error) {
	j := jobs.Job{
		ID:           r.ID,
		Organization: export.Organization{ID: r.OrganizationID, Slug: r.OrganizationSlug, Name: r.OrganizationName},
		Format:       r.Format,
		RetryOf:      r.RetryOf,
		Requester:    r.Requester,
		CreatedAt:    time.UnixMilli(r.CreatedAt).UTC(),
		AsOf:         instant(r.AsOf),
		Status:       jobs.Status(r.Status),
		Attempt:      r.Attempt,
		ClaimedAt:    instant(r.ClaimedAt),
		Failures:     r.Failures,
		Priority:     r.Priority,
		PutOff:       r.PutOff,
		LeaseOwner:   r.LeaseOwner,
		LeaseUntil:   instant(r.LeaseUntil),
		Error:        r.Error,
		FinishedAt:   instant(r.FinishedAt),
		Filename:     r.Filename,
		ObjectKey:    r.ObjectKey,
		Size:         r.Size,
		SHA256:       slices.Clone(r.SHA256),
		ExpiresAt:    instant(r.ExpiresAt),
		PurgeAt:      instant(r.PurgeAt),
		Suspect:      r.Suspect,
		Alone:        r.Alone,
		UnableSince:  instant(r.Unable),
		Cancelled:    r.Cancelled,
		DamagedAt:    instant(r.DamagedAt),
	}
	var parts []partID
	err := errors.Join(
		r.setJob(&j), decodeList(r.Sections, &j.Sections), decodeList(r.Keys, &j.Keys), decodeList(r.Progress, &j.Progress),
		decodeList(r.Parts, &parts), decodeList(r.Results, &j.Results))
	if err != nil {
		return jobs.Job{}, fmt.Errorf("job %s: %w", r.ID, err)
	}
	for _, p := range parts {
		j.Parts = append(j.Parts, export.PartID(p))
	}
	return j, nil
}

// dueAt returns the instant from which [Store.Stale] finds the job: the end of its
// lease, or the time to purge it. Zero means never.
func dueAt(j jobs.Job) time.Time {
	if !j.Status.InFlight() {
		return j.PurgeAt
	}
	if j.LeaseUntil.IsZero() {
		return time.UnixMilli(0) // it never had a lease: at once
	}
	return j.LeaseUntil
}

// requestDigest returns a digest that two jobs share if their requests are equal:
// same organization, format, sections and retried job.
func requestDigest(j jobs.Job) []byte {
	h := sha256.New()
	for _, s := range append([]string{j.Organization.ID, j.Format, j.RetryOf}, j.Sections...) {
		_, _ = fmt.Fprintf(h, "%d %s\n", len(s), s)
	}
	return h.Sum(nil)
}

// checkJob returns an error that names the texts of a job that cannot be stored.
func checkJob(j jobs.Job) error {
	err := checkShared(j)
	err = errors.Join(err, checkText("id", j.ID, "organization", j.Organization.ID, "slug", j.Organization.Slug,
		"name", j.Organization.Name, "format", j.Format, "retried job", j.RetryOf, "requester", j.Requester,
		"status", string(j.Status), "lease owner", j.LeaseOwner, "file name", j.Filename, "object key", j.ObjectKey))
	for _, s := range j.Sections {
		err = errors.Join(err, checkText("section", s))
	}
	for _, k := range j.Keys {
		err = errors.Join(err, checkText("section", k.Key))
	}
	for _, p := range j.Progress {
		err = errors.Join(err, checkText("section", p.Key))
	}
	for _, p := range j.Parts {
		err = errors.Join(err, checkText("job of a part", p.JobID, "section", p.Section))
	}
	for _, r := range j.Results {
		err = errors.Join(err, checkText("section", r.Key, "status", string(r.Status)))
	}
	return err
}

// encodeList stores a list in a text, as JSON.
func encodeList[T any](text *string, list []T) error {
	if len(list) == 0 {
		*text = "[]"
		return nil
	}
	b, err := json.Marshal(list)
	*text = string(b)
	return err
}

// decodeList is the opposite of encodeList. An empty list becomes nil.
func decodeList[T any](text string, list *[]T) error {
	if text == "[]" {
		return nil
	}
	return json.Unmarshal([]byte(text), list)
}
