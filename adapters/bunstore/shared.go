package bunstore

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

// sharedColumns are those of a job that several workers export.
type sharedColumns struct {
	Claims   int    `bun:"claims"`
	Worker   int    `bun:"worker"`
	FanOut   string `bun:"fan_out"`
	SharedBy int    `bun:"shared_by"`
	Shards   string `bun:"shards"` // JSON, as are Helpers and Snapshot
	Helpers  string `bun:"helpers"`
	Snapshot string `bun:"snapshot"`
	Offers   bool   `bun:"offers"`
	Helping  int    `bun:"helping"`
}

// shard is a [jobs.Shard] as it is stored. The JSON of these types does not change when fields
// are renamed.
type shard struct {
	Section string `json:"section"`
	Number  int    `json:"number,omitempty"`
	Range   string `json:"range,omitempty"`
	Config  string `json:"config,omitempty"`
	Local   bool   `json:"local,omitempty"`
	Worker  int    `json:"worker,omitempty"`
	Lost    int    `json:"lost,omitempty"`

	Records  int64 `json:"records,omitempty"`
	Binaries int64 `json:"binaries,omitempty"`
}

type helper struct {
	Worker     int                    `json:"worker"`
	Node       string                 `json:"node"`
	LeaseUntil int64                  `json:"lease_until"`
	Progress   []jobs.SectionProgress `json:"progress,omitempty"`
}

type snapshot struct {
	Section  string `json:"section,omitempty"`
	ID       string `json:"id,omitempty"`
	Moment   string `json:"moment,omitempty"`
	OpenedAt int64  `json:"opened_at,omitempty"`
}

// newSharedColumns returns the columns that store what several workers do for a job.
func newSharedColumns(j jobs.Job) (c sharedColumns, err error) {
	c = sharedColumns{Claims: j.Claims, Worker: j.Worker, FanOut: string(j.FanOut), SharedBy: j.SharedBy, Offers: j.Offers(), Helping: len(j.Helpers)}
	shards := make([]shard, len(j.Shards))
	for i, s := range j.Shards {
		shards[i] = shard{s.Section, s.Number, s.Range, s.Config, s.Local, s.Worker, s.Lost, s.Records, s.Binaries}
	}
	helpers := make([]helper, len(j.Helpers))
	for i, h := range j.Helpers {
		helpers[i] = helper{h.Worker, h.Node, h.LeaseUntil.UnixMilli(), h.Progress}
	}
	read := snapshot{Section: j.Snapshot.Section, ID: j.Snapshot.ID, Moment: j.Snapshot.Moment}
	if !j.Snapshot.OpenedAt.IsZero() {
		read.OpenedAt = j.Snapshot.OpenedAt.UnixMilli()
	}
	b, err := json.Marshal(read)
	c.Snapshot = string(b)
	return c, errors.Join(err, encodeList(&c.Shards, shards), encodeList(&c.Helpers, helpers))
}

// setJob is the opposite of newSharedColumns.
func (c sharedColumns) setJob(j *jobs.Job) error {
	j.Claims, j.Worker, j.FanOut, j.SharedBy = c.Claims, c.Worker, jobs.FanOut(c.FanOut), c.SharedBy
	var shards []shard
	var helpers []helper
	var read snapshot
	err := errors.Join(decodeList(c.Shards, &shards), decodeList(c.Helpers, &helpers), json.Unmarshal([]byte(c.Snapshot), &read))
	for _, s := range shards {
		j.Shards = append(j.Shards, jobs.Shard{
			Shard:  export.Shard{Section: s.Section, Number: s.Number, Range: s.Range, Config: s.Config, Local: s.Local},
			Worker: s.Worker, Lost: s.Lost, Records: s.Records, Binaries: s.Binaries,
		})
	}
	for _, h := range helpers {
		j.Helpers = append(j.Helpers, jobs.Helper{
			Worker: h.Worker, Node: h.Node, LeaseUntil: time.UnixMilli(h.LeaseUntil).UTC(), Progress: slices.Clip(h.Progress),
		})
	}
	j.Snapshot = export.SharedSnapshot{Section: read.Section, ID: read.ID, Moment: read.Moment}
	if read.OpenedAt != 0 {
		j.Snapshot.OpenedAt = time.UnixMilli(read.OpenedAt).UTC()
	}
	return err
}

// checkShared returns an error that names the texts of it that cannot be stored.
func checkShared(j jobs.Job) error {
	err := checkText("fan-out", string(j.FanOut), "section", j.Snapshot.Section, "snapshot", j.Snapshot.ID, "moment", j.Snapshot.Moment)
	for _, s := range j.Shards {
		err = errors.Join(err, checkText("section", s.Section, "range", s.Range, "configuration", s.Config))
	}
	for _, h := range j.Helpers {
		err = errors.Join(err, checkText("node", h.Node))
		for _, p := range h.Progress {
			err = errors.Join(err, checkText("section", p.Key))
		}
	}
	return err
}
