package export

import (
	"context"
	"errors"
	"time"
)

// Consistency says how the sections' data belongs together. It follows from what the parts
// say: a part of an earlier attempt or another job is of another moment, unless the data has
// not changed since.
type Consistency struct {
	// Consistent is true if the records of all sections are of one moment, some time after
	// AsOf. If not, each section was read on its own. Files beside records are copied as they
	// are at their turn.
	Consistent bool `json:"consistent"`

	// Note says in words what that means, for customers.
	Note string `json:"note,omitempty"`

	// ReadAt is when each section was read, in the order of the archive, if they are not of
	// one moment though the engine can have it so. There is none if consistency is off, or if
	// the sections can read no snapshots.
	ReadAt []SectionMoment `json:"read_at,omitempty"`
}

// SectionMoment is when a section was read, in RFC 3339 and UTC: either At or From.
type SectionMoment struct {
	Key string `json:"key"`

	// At is when the snapshot was opened that all records of the section are of.
	At string `json:"at,omitempty"`

	// From is when the section began, if all or some of its queries have read moments of their
	// own.
	From string `json:"from,omitempty"`
}

const (
	// inconsistent is the note of an archive whose sections were read each on its own.
	inconsistent = `Each section was read on its own after as_of, while data could change: one section may have what is newer than another. ` +
		`The archive is complete as its sections say, and nothing in it is damaged.`

	// besideRecords is the note of a consistent archive with files.
	besideRecords = `All records are of one moment after as_of. The other files were copied after it, one by one, as they were then.`
)

// errManyMoments is why parts cannot be joined if consistency is required.
var errManyMoments = errors.New("export: the parts of the sections are of several moments")

// readings collects what the sections of an archive have read.
type readings struct {
	parts    []sealedResult
	binaries bool
}

func (r *readings) add(s Section, p sealedResult) {
	if _, absent := s.(absent); absent { // which has read nothing
		return
	}
	r.parts = append(r.parts, p)
	r.binaries = r.binaries || p.Binaries > 0
}

// consistency is what the manifest says of them. Of one moment there is nothing that the
// clock could make different.
func (r *readings) consistency() Consistency {
	c := Consistency{Consistent: len(r.parts) > 0}
	for _, p := range r.parts {
		if p.Moment == "" || p.Moment != r.parts[0].Moment {
			c.Consistent = false
		}
	}
	if c.Consistent {
		if r.binaries {
			c.Note = besideRecords
		}
		return c
	}
	c.Note = inconsistent
	for _, p := range r.parts {
		switch at := p.ReadAt.Format(time.RFC3339Nano); {
		case p.ReadAt.IsZero():
		case p.Moment == "":
			c.ReadAt = append(c.ReadAt, SectionMoment{Key: p.Key, From: at})
		default:
			c.ReadAt = append(c.ReadAt, SectionMoment{Key: p.Key, At: at})
		}
	}
	return c
}

// dropParts forgets what an earlier attempt has left, if consistency is required and the parts are
// not all that there is to do, or of several moments.
func (x *run) dropParts(ctx context.Context) error {
	if x.engine.config.Consistency != ConsistencyRequired {
		return nil
	}
	whole, err := x.ofOneMoment(ctx)
	if err != nil || whole {
		return err
	}
	if len(x.Parts) > 0 {
		x.engine.config.Logger.WarnContext(ctx, "sections are read again, because consistency is required and parts are of another point in time",
			"job", x.JobID, "organization", x.Organization.ID)
	}
	x.Parts, x.Shards, x.anew = nil, nil, true
	return nil
}

// ofOneMoment reports whether the request has parts of all sections that are of one moment.
func (x *run) ofOneMoment(ctx context.Context) (bool, error) {
	var read readings
	for _, s := range x.sections {
		if _, absent := s.(absent); absent {
			continue
		}
		if x.isLeft(s) {
			return false, nil
		}
		for _, id := range x.partsOf(s.Key()) {
			result, err := x.resultOf(ctx, id)
			if _, bad := errors.AsType[*PartError](partError(id, err)); bad {
				return false, nil
			}
			if err != nil {
				return false, err
			}
			read.add(s, result)
		}
	}
	return read.consistency().Consistent, nil
}

// resultOf reads the result in a part.
func (x *run) resultOf(ctx context.Context, id PartID) (sealedResult, error) {
	p, err := openPart(ctx, x.engine.config.Spool, id, x.digest(id.Section))
	if err != nil {
		return sealedResult{}, err
	}
	defer p.close()
	return p.result()
}
