package jobs

import (
	"slices"
	"time"

	"github.com/orgexport/orgexport/export"
)

// These are the rules of jobs that several workers export at once, which state.go refers to. The
// worker that has the job offers its shards (share). Others come to help (help). Each worker takes
// a shard after the other (take), its own worker also those that are Local, and notes the part
// (sealShard). A helper goes when there is no shard left (leave).
//
// A helper has a lease of its own, which it renews (renewHelper). If that is over the job's worker
// lets others have its shards (dropLostHelpers). Helpers outlive the job's worker: they go on with
// the shards that they have, and take no more until another worker offers them.
//
// A shard whose worker is lost twice is Local from then on. If it was the reason, it kills no more
// helpers, and the job becomes a suspect when it kills the job's own worker. For that reason helpers
// make no suspects.

// FanOut says of a job whether workers beside the one that has it may help with it.
type FanOut string

// The kinds of FanOut.
const (
	FanOutDefault FanOut = ""    // by the configuration
	FanOutOn      FanOut = "on"  // they may
	FanOutOff     FanOut = "off" // they may not
)

// Shard is a shard of a job.
type Shard struct {
	export.Shard // Local is also set if only the job's own worker is to try it

	// Worker is the number of the worker that has it, or has sealed its part (see Job.Claims). 0
	// means that nobody has it.
	Worker int

	// Lost counts the helpers that were lost while they had it.
	Lost int

	// Records and Binaries are in its part, if the section has several shards.
	Records, Binaries int64
}

// Helper is a worker that exports shards of a job that another worker has.
type Helper struct {
	Worker     int // its number: see Job.Claims
	Node       string
	LeaseUntil time.Time
	Progress   []SectionProgress
}

// lostTwice is how often the worker of a shard is lost before only the job's own worker tries it.
const lostTwice = 2

// Offers reports whether a worker may come to help with the job.
func (j Job) Offers() bool {
	return j.Status == Processing && j.SharedBy == j.Attempt && j.Suspect < 2 && j.open(false) >= 0
}

// NeedsWorker reports whether the next free worker may claim the job or help with it.
func (j Job) NeedsWorker() bool { return j.Waits() || j.Offers() }

// SectionsProgress returns how far each section is that has started, in no order: what all
// workers of the job have written. Of parts whose workers are gone only records and binaries are
// known.
func (j Job) SectionsProgress() []SectionProgress {
	all := slices.Clone(j.Progress)
	add := func(p SectionProgress) {
		i := slices.IndexFunc(all, func(q SectionProgress) bool { return q.Key == p.Key })
		if i < 0 {
			all = append(all, p)
		} else {
			all[i] = all[i].plus(p)
		}
	}
	for _, h := range j.Helpers {
		for _, p := range h.Progress {
			add(p)
		}
	}
	for _, s := range j.Shards {
		gone := s.Worker != j.Worker && j.helper(s.Worker) < 0
		if gone && s.Records+s.Binaries > 0 && j.isSealed(s) {
			add(SectionProgress{Key: s.Section, Records: s.Records, Binaries: s.Binaries})
		}
	}
	return all
}

func (p SectionProgress) plus(q SectionProgress) SectionProgress {
	p.Records += q.Records
	p.Binaries += q.Binaries
	p.Bytes += q.Bytes
	p.Done += q.Done
	p.Total += q.Total
	return p
}

// open returns the place of the next shard that nobody has, or -1. The job's own worker may have
// all of them, and has those first that no other may have.
func (j Job) open(own bool) int {
	next := -1
	for i, s := range j.Shards {
		switch {
		case s.Worker != 0 || j.isSealed(s):
		case s.Local && own:
			return i
		case !s.Local && next < 0:
			next = i
		}
	}
	return next
}

// isSealed reports whether the part of a shard is there.
func (j Job) isSealed(s Shard) bool { return slices.ContainsFunc(j.Parts, s.Of) }

// plan returns what the parts of the job are made of, as an engine is asked for it.
func (j Job) plan() []export.Shard {
	var all []export.Shard
	for _, s := range j.Shards {
		all = append(all, s.Shard)
	}
	return all
}

// left returns the shards that have no part.
func (j Job) left() []export.Shard {
	var left []export.Shard
	for _, s := range j.Shards {
		if !j.isSealed(s) {
			left = append(left, s.Shard)
		}
	}
	return left
}

// isSplit reports whether a section has several shards.
func (j Job) isSplit(section string) bool {
	n := 0
	for _, s := range j.Shards {
		if s.Section == section {
			n++
		}
	}
	return n > 1
}

// helper returns the place of a helper, or -1.
func (j Job) helper(worker int) int {
	return slices.IndexFunc(j.Helpers, func(h Helper) bool { return h.Worker == worker })
}

// free lets shards be taken by any worker that may have them, unless they are sealed.
func (j *Job) free(which func(Shard) bool) {
	for i, s := range j.Shards {
		if which(s) && !j.isSealed(s) {
			j.Shards[i].Worker = 0
		}
	}
}

// share notes what the parts of the job are made of, and whose data it is. Shards that helpers
// have stay theirs, unless all is made anew. With open other workers may come to help.
func (r rules) share(shards []export.Shard, anew, open bool, o export.Organization, snapshot export.SharedSnapshot) transition {
	return func(_ time.Time, j *Job) ([]Step, error) {
		if anew {
			j.Parts, j.Results, j.Shards, j.Helpers = nil, nil, nil, nil
		}
		all := make([]Shard, len(shards))
		for i, s := range shards {
			all[i].Shard = s
			if at := slices.IndexFunc(j.Shards, func(old Shard) bool { return old.Same(s) }); at >= 0 {
				all[i] = j.Shards[at]
				all[i].Local = s.Local || all[i].Lost >= lostTwice
			}
		}
		j.Organization, j.Shards, j.Snapshot, j.SharedBy = o, all, snapshot, 0
		j.free(func(s Shard) bool { return j.helper(s.Worker) < 0 })
		if open {
			j.SharedBy = j.Attempt
		}
		return nil, nil
	}
}

// help makes a worker a helper of the job. Its number is the job's Claims.
func (r rules) help(p place) transition {
	return func(now time.Time, j *Job) ([]Step, error) {
		full := r.perOrganization > 0 && 1+len(j.Helpers) >= r.perOrganization
		if !j.Offers() || full || !p.able(*j) || !p.knows(*j) {
			return nil, errNothingToDo
		}
		if err := p.takes(*j); err != nil {
			return nil, err
		}
		j.Claims++
		j.ClaimedAt = now
		j.Helpers = append(j.Helpers, Helper{Worker: j.Claims, Node: p.node, LeaseUntil: now.Add(r.lease)})
		return []Step{StepHelped}, nil
	}
}

// take gives the next shard to a worker, and says which. The job's own worker may have any. A shard
// that the worker has and does not know of comes first: it was given one, and the answer was lost.
func (r rules) take(worker int, own bool, knows func(export.Shard) bool, taken *export.Shard) transition {
	return func(_ time.Time, j *Job) ([]Step, error) {
		for _, s := range j.Shards {
			if s.Worker == worker && !j.isSealed(s) && !knows(s.Shard) {
				*taken = s.Shard
				return nil, nil
			}
		}
		i := j.open(own)
		if i < 0 || !own && !j.Offers() {
			return nil, errNothingToDo
		}
		j.Shards[i].Worker, *taken = worker, j.Shards[i].Shard
		return nil, nil
	}
}

// fencedHelper lets only a helper that still helps apply a rule.
func fencedHelper(worker int, t transition) transition {
	return func(now time.Time, j *Job) ([]Step, error) {
		switch {
		case !j.Status.InFlight():
			return nil, errEnded
		case j.helper(worker) < 0:
			return nil, errLeaseLost
		}
		return t(now, j)
	}
}

// sealShard is addPart of a shard, for the worker that has it.
func (r rules) sealShard(worker int, s export.Shard, id export.PartID, result export.SectionResult, o export.Organization) transition {
	return func(now time.Time, j *Job) ([]Step, error) {
		has := slices.ContainsFunc(j.Shards, func(has Shard) bool { return has.Same(s) && has.Worker == worker })
		if !has {
			return nil, errLeaseLost
		}
		return r.addPart(id, result, o)(now, j)
	}
}

// renewHelper extends the lease of a helper and stores how far it is.
func (r rules) renewHelper(worker int, progress []SectionProgress) transition {
	return func(now time.Time, j *Job) ([]Step, error) {
		h := &j.Helpers[j.helper(worker)]
		h.LeaseUntil, h.Progress = now.Add(r.lease), progress
		return nil, nil
	}
}

// refuse notes that a helper cannot make a shard. The job's own worker is to try it.
func (r rules) refuse(shard export.Shard) transition {
	return func(_ time.Time, j *Job) ([]Step, error) {
		for i, s := range j.Shards {
			if s.Same(shard) {
				j.Shards[i].Local = true
			}
		}
		return nil, nil
	}
}

// unsplit lets a section be exported as a whole, whose shards cannot be joined.
func (r rules) unsplit(section string) transition {
	return func(_ time.Time, j *Job) ([]Step, error) {
		of := func(s Shard) bool { return s.Section == section }
		at := slices.IndexFunc(j.Shards, of)
		if at < 0 {
			return nil, errNothingToDo
		}
		whole := Shard{Shard: j.Shards[at].Whole()}
		j.removeParts(func(id export.PartID) bool { return id.Section == section })
		j.Shards = slices.Insert(slices.DeleteFunc(j.Shards, of), at, whole)
		return nil, nil
	}
}

// leave ends the help of a worker.
func (r rules) leave(worker int) transition {
	return func(_ time.Time, j *Job) ([]Step, error) {
		j.dismiss(j.helper(worker))
		return nil, nil
	}
}

// dismiss takes a helper out of the job, and lets others have what it has not sealed.
func (j *Job) dismiss(at int) {
	gone := j.Helpers[at]
	j.Helpers = slices.Delete(j.Helpers, at, at+1)
	j.free(func(s Shard) bool { return s.Worker == gone.Worker })
}

// dropLostHelpers lets other workers have the shards of helpers whose lease is over.
func (j *Job) dropLostHelpers(now time.Time) (steps []Step) {
	for i, h := range slices.Backward(j.Helpers) {
		if now.Before(h.LeaseUntil) {
			continue
		}
		for k, s := range j.Shards {
			if s.Worker == h.Worker && !j.isSealed(s) {
				j.Shards[k].Lost++
				j.Shards[k].Local = s.Local || j.Shards[k].Lost >= lostTwice
			}
		}
		j.dismiss(i)
		steps = append(steps, StepHelperLost)
	}
	return steps
}
