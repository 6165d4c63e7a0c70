package jobs

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/orgexport/orgexport/export"
)

// Every rule about what a job may do next stands in this file:
//
//	           rescue, handBack, putOff, postpone
//	           ┌────────────────────────────┐
//	           ▼                            │
//	create ▶ pending ───── claim ─────▶ processing ── complete ─▶ completed
//	           │                            │
//	         remove       fail, remove, or one failure too many
//	           ▼                            ▼
//	           └─────────▶ failed ◀─────────┘
//
// While a job is processing, its worker applies renew, addPart and dropPart; claim
// takes a job over from a worker that was lost. Workers that help with a job, and its shards,
// have rules of their own in stateshards.go. A job that has ended stays as it is,
// but remove, beginPurge and endPurge take away what is kept for it, lend keeps its parts
// for a while, and damage and mend note how its archive is.
//
// Each rule is a function of the time and the job, by the configuration in
// [rules]: it alters the job and returns the steps that observers are told of once
// the job is stored. It has no other effect, because [Store.Update] may call it
// more than once. After an error the job stays as it was.
//
// # Whose fault a lost worker is
//
// When a process dies, one of its jobs may be the reason, such as by a record that takes
// all memory. The others are not to be charged for that. So a failure is counted only if
// the job had the process to itself (Alone). Else all jobs of the process become suspects:
//
//	Suspect 1   it is tried again while other jobs go on, but one suspect at a time in a
//	            process: those that did no harm are soon acquitted
//	Suspect 2   it was lost a second time beside others, and is tried in a process that runs
//	            nothing else meanwhile, as long as others can wait: see Service.keepAlone.
//	            Who is lost after that is charged from the tenth attempt on
//
// A process that stops as it should charges nobody: see handBack. Nor is anybody a suspect
// for long because a database was away: the workers live, and say so: see acquit.

// transition is a rule with all that it needs besides the time and the job.
type transition func(now time.Time, j *Job) ([]Step, error)

var (
	// errNothingToDo means that the rule does not apply: the job has ended, or
	// another process is responsible for it.
	errNothingToDo = errors.New("jobs: nothing to do")

	// errLeaseLost means that the job is no longer this worker's: another has it,
	// or the store could not be reached for too long.
	errLeaseLost = errors.New("jobs: the job is no longer this worker's")

	// errEnded is errLeaseLost of a job that somebody ended during the attempt.
	errEnded = fmt.Errorf("%w: it has ended", errLeaseLost)
)

// rules are the parts of [Config] that decide about the states of jobs.
type rules struct {
	lease          time.Duration
	retention      time.Duration
	partsRetention time.Duration
	maxFailures    int

	perOrganization int // see Config; 0 means no limit
}

// place is what a process has free for one more job.
type place struct {
	node string

	// alone means that the process runs no other job. withSuspect means that one of those
	// that it runs is a suspect.
	alone, withSuspect bool

	// able reports whether the process can do all that the job asks for, and knows whether its
	// configuration is that by which the shards of the job were made.
	able, knows func(Job) bool
}

var (
	// errSuspect means that the process runs a suspect already, and the job is one too.
	errSuspect = errors.New("jobs: one suspect at a time")

	// errNotAlone means that the job must have a process to itself.
	errNotAlone = errors.New("jobs: the job must run alone")
)

const (
	// unableFor is how long a job waits for a worker that has all its sections. Then it is
	// exported without those that are missing.
	unableFor = 15 * time.Minute

	// unablePause is the longest pause before it is offered again.
	unablePause = time.Minute

	// enoughAttempts is from which attempt on a job that others ran beside is charged, if it
	// was a suspect twice. Else one that kills its worker late would never end.
	enoughAttempts = 10

	// spaceLeases is how many leases a job waits for free space before it is tried again.
	spaceLeases = 4

	// maxDoublings is how often the pause after a failure is doubled at most.
	maxDoublings = 8
)

// create begins the life of a job.
func (r rules) create(now time.Time, j *Job) {
	j.Status = Pending
	j.CreatedAt = now
	if j.RetryOf == "" {
		j.AsOf = now.Truncate(time.Second)
	}
	j.LeaseUntil = now.Add(r.lease)
}

// claim makes a job a worker's: one that waits for a worker, or one whose worker
// was lost. The job may end or wait instead: then it is not Processing.
func (r rules) claim(p place) transition {
	return func(now time.Time, j *Job) (steps []Step, err error) {
		leased := (j.Status == Processing || j.PutOff) && now.Before(j.LeaseUntil)
		if !j.Status.InFlight() || leased {
			return nil, errNothingToDo
		}
		if j.Status == Processing {
			if steps = r.lost(now, j); !j.Status.InFlight() {
				return steps, nil
			}
			j.wait(now.Add(r.lease))
		}
		if err := p.takes(*j); err != nil {
			if steps != nil {
				err = nil // it waits, as after rescue
			}
			return steps, err
		}
		if p.able(*j) {
			j.UnableSince = time.Time{}
		} else if r.waitForAble(now, j) {
			return append(steps, StepUnable), nil
		}
		j.Status = Processing
		j.Attempt++
		j.Claims = max(j.Claims+1, j.Attempt) // older programs count attempts only
		j.Worker = j.Claims
		j.ClaimedAt = now
		j.LeaseOwner, j.LeaseUntil, j.PutOff = p.node, now.Add(r.lease), false
		j.Alone = p.alone
		j.Progress = nil
		return append(steps, StepClaimed), nil
	}
}

// takes reports whether a suspect may run beside the jobs that the process has.
func (p place) takes(j Job) error {
	switch {
	case j.Suspect > 0 && p.withSuspect:
		return errSuspect
	case j.Suspect > 1 && !p.alone:
		return errNotAlone
	}
	return nil
}

// waitForAble puts a job off that this process cannot do all of, for another one that
// can. It reports false if the job has waited for long enough.
func (r rules) waitForAble(now time.Time, j *Job) bool {
	if j.UnableSince.IsZero() || j.UnableSince.After(now) { // the clock was put back
		j.UnableSince = now
	}
	waited := now.Sub(j.UnableSince)
	if waited >= unableFor {
		return false
	}
	j.wait(now.Add(min(max(waited, r.lease/3), unablePause)))
	j.PutOff = true
	return true
}

// waitForAlone puts off a job that must run alone, because the other jobs of this process
// do not end soon. They go on, and another process may be free before.
func (r rules) waitForAlone(now time.Time, j *Job) ([]Step, error) {
	if !j.Waits() {
		return nil, errNothingToDo
	}
	j.wait(now.Add(min(max(now.Sub(j.ClaimedAt), 2*aloneFor), 30*aloneFor))) // longer each time
	j.PutOff = true
	return []Step{StepUnable}, nil
}

// lost notes that the worker of a job was lost. The job ends if that was its own fault
// too often.
func (r rules) lost(now time.Time, j *Job) []Step {
	charged := j.Alone || j.Suspect > 1 && j.Attempt >= enoughAttempts
	j.Suspect, j.Alone = min(j.Suspect+1, 2), false
	if !charged {
		return []Step{StepWorkerLost, StepSuspected}
	}
	if r.countFailure(now, j, failureText(nil)) {
		return []Step{StepWorkerLost, StepFailed}
	}
	return []Step{StepWorkerLost}
}

// acquit is for a worker that has lost the lease of an attempt and lives: the store could
// not be reached, and nothing has crashed. If nobody has noticed yet, any worker may go on
// with the job. If it waits again the job is less of a suspect. It is not touched if another
// worker has it.
func (r rules) acquit(attempt int) transition {
	return func(now time.Time, j *Job) ([]Step, error) {
		switch {
		case j.Status == Processing && j.Attempt == attempt:
			return r.handBack(now, j)
		case j.Suspect > 0 && j.Status == Pending && j.Attempt == attempt:
			j.Suspect--
			return nil, nil
		}
		return nil, errNothingToDo
	}
}

// wait lets a job in flight wait for a worker. Its task is on the way until then.
func (j *Job) wait(until time.Time) {
	j.Status, j.Alone, j.Progress, j.Snapshot = Pending, false, nil, export.SharedSnapshot{}
	j.LeaseOwner, j.LeaseUntil, j.PutOff = "", until, false
}

// rescue lets a job in flight wait for a worker again after its lease is over.
func (r rules) rescue(now time.Time, j *Job) (steps []Step, err error) {
	if !j.Status.InFlight() || now.Before(j.LeaseUntil) {
		return nil, errNothingToDo
	}
	if j.Status == Processing {
		if steps = r.lost(now, j); !j.Status.InFlight() {
			return steps, nil
		}
	}
	j.wait(now.Add(r.lease))
	return steps, nil
}

// wake lets a job wait whose task is on the way again.
func (r rules) wake(now time.Time, j *Job) ([]Step, error) {
	if !j.Waits() {
		return nil, errNothingToDo
	}
	j.LeaseUntil = now.Add(r.lease)
	return nil, nil
}

// shorten gives a job whose lease ends later than any can end another one: the clock was
// put back. The worker that has the job renews it. If that was lost, it is noticed when
// the new one is over.
func (r rules) shorten(now time.Time, j *Job) ([]Step, error) {
	longest := r.lease
	if j.PutOff {
		longest = max(r.lease<<maxDoublings, 30*aloneFor, unablePause)
	}
	if !j.Status.InFlight() || !j.LeaseUntil.After(now.Add(longest)) {
		return nil, errNothingToDo
	}
	j.LeaseUntil = now.Add(r.lease)
	return nil, nil
}

// fenced lets only the worker whose attempt has the job apply a rule.
func fenced(attempt int, t transition) transition {
	return func(now time.Time, j *Job) ([]Step, error) {
		switch {
		case !j.Status.InFlight() && j.Attempt == attempt:
			return nil, errEnded
		case j.Status != Processing || j.Attempt != attempt:
			return nil, errLeaseLost
		}
		return t(now, j)
	}
}

// The rules from here to handBack are for the worker that has the job: they
// are applied through fenced.

// trusted is how long a worker may rely on a lease that it has taken or renewed. A
// fifth of the lease is left for its work to stop.
func (r rules) trusted() time.Duration { return r.lease - r.lease/5 }

// renew extends the lease and stores how far the sections are. The worker relies on it
// for the time of trusted.
func (r rules) renew(progress []SectionProgress) transition {
	return func(now time.Time, j *Job) ([]Step, error) {
		j.LeaseUntil = now.Add(r.lease)
		j.Progress = progress
		return j.dropLostHelpers(now), nil
	}
}

// crowd notes that the process runs another job beside this one.
func (r rules) crowd(_ time.Time, j *Job) ([]Step, error) {
	if !j.Alone {
		return nil, errNothingToDo
	}
	j.Alone = false
	return nil, nil
}

// addPart notes that a part is sealed, and whose data it is, which all parts and attempts have to
// agree on. A section that was split has no result before the archive is made, only counts.
func (r rules) addPart(id export.PartID, result export.SectionResult, o export.Organization) transition {
	return func(now time.Time, j *Job) ([]Step, error) {
		j.removeParts(func(old export.PartID) bool { return old.Section == id.Section && old.Shard == id.Shard })
		j.Organization = o
		j.Parts = append(j.Parts, id)
		if !j.isSplit(id.Section) {
			j.Results = append(j.Results, result)
			return nil, nil
		}
		if i := slices.IndexFunc(j.Shards, func(s Shard) bool { return s.Of(id) }); i >= 0 {
			j.Shards[i].Records, j.Shards[i].Binaries = result.Records, result.Binaries
		}
		return nil, nil
	}
}

// dropPart lets a part be made again. If it is not known what it was made of, all parts of the
// section are.
func (r rules) dropPart(id export.PartID) transition {
	return func(_ time.Time, j *Job) ([]Step, error) {
		known := slices.ContainsFunc(j.Shards, func(s Shard) bool { return s.Of(id) })
		j.removeParts(func(old export.PartID) bool { return old.Section == id.Section && (old.Shard == id.Shard || !known) })
		j.free(func(s Shard) bool { return s.Of(id) })
		return nil, nil
	}
}

// removeParts takes parts out of the job, and the results of their sections.
func (j *Job) removeParts(which func(export.PartID) bool) {
	j.Parts = slices.DeleteFunc(j.Parts, func(id export.PartID) bool {
		if !which(id) {
			return false
		}
		j.Results = slices.DeleteFunc(j.Results, func(r export.SectionResult) bool { return r.Key == id.Section })
		return true
	})
}

// complete ends a job whose archive is stored under a key.
func (r rules) complete(key string, result export.Result) transition {
	return func(now time.Time, j *Job) ([]Step, error) {
		r.end(now, j, Completed)
		j.Results = result.Sections
		j.Filename, j.ObjectKey = result.Filename, key
		j.Size, j.SHA256 = result.Size, result.SHA256[:]
		j.ExpiresAt = now.Add(r.retention)
		j.PurgeAt = earliest(j.PurgeAt, j.ExpiresAt)
		return []Step{StepCompleted}, nil
	}
}

// fail ends a job that another attempt would not complete either. The text is
// public.
func (r rules) fail(text string) transition {
	return func(now time.Time, j *Job) ([]Step, error) {
		r.end(now, j, Failed)
		j.Error = text
		return []Step{StepFailed}, nil
	}
}

// putOff lets a job wait after an attempt has failed, twice as long each time, or
// ends it after one failure too many, with a public text.
func (r rules) putOff(text string) transition {
	return func(now time.Time, j *Job) ([]Step, error) {
		if r.countFailure(now, j, text) {
			return []Step{StepFailed}, nil
		}
		j.wait(now.Add(r.lease << min(j.Failures-1, maxDoublings)))
		j.PutOff = true
		return []Step{StepPutOff}, nil
	}
}

// postpone lets a job wait that could not start because the spool has too little free
// space. That is no failure of the job, however long it takes.
func (r rules) postpone(now time.Time, j *Job) ([]Step, error) {
	j.wait(now.Add(spaceLeases * r.lease))
	j.PutOff = true
	return []Step{StepPutOff}, nil
}

// handBack lets any worker go on with a job at once, because the process of this
// one stops. That is no failure.
func (r rules) handBack(now time.Time, j *Job) ([]Step, error) {
	j.wait(now)
	return []Step{StepHandedBack}, nil
}

// remove cancels a job in flight, and lets the archive of a completed one be
// purged.
func (r rules) remove(now time.Time, j *Job) ([]Step, error) {
	switch {
	case j.Status.InFlight():
		r.end(now, j, Failed)
		j.Error, j.Cancelled = "The export was cancelled.", true
		j.PurgeAt = now.Add(2 * r.lease) // its worker may go on until its lease would have ended
		return []Step{StepCancelled}, nil
	case j.ObjectKey != "":
		j.ObjectKey, j.ExpiresAt, j.PurgeAt = "", now, now
		return nil, nil
	}
	return nil, errNothingToDo
}

// damage notes that the archive under a key was found damaged. It does not apply if the
// job has that archive no more, or if it is known.
func (r rules) damage(key string) transition {
	return func(now time.Time, j *Job) ([]Step, error) {
		if !j.hasArchive(key) || !j.DamagedAt.IsZero() {
			return nil, errNothingToDo
		}
		j.DamagedAt = now
		return []Step{StepDamaged}, nil
	}
}

// mend notes that the archive under a key, which was found damaged, is whole: it was
// restored, or the place where it is kept was not there.
func (r rules) mend(key string) transition {
	return func(_ time.Time, j *Job) ([]Step, error) {
		if !j.hasArchive(key) || j.DamagedAt.IsZero() {
			return nil, errNothingToDo
		}
		j.DamagedAt = time.Time{}
		return nil, nil
	}
}

// lend keeps the parts of an ended job for long enough that a retry can be stored.
func (r rules) lend(now time.Time, j *Job) ([]Step, error) {
	if j.Status.InFlight() || len(j.Parts) == 0 {
		return nil, errNothingToDo
	}
	if least := now.Add(r.lease); j.PurgeAt.Before(least) {
		j.PurgeAt = least
	}
	return nil, nil
}

// beginPurge takes out of an ended job what is to be deleted now: its parts, unless they are
// in use, and at the end of its retention its archive. If endPurge does not follow, it is due
// again after a lease.
func (r rules) beginPurge(inUse bool) transition {
	return func(now time.Time, j *Job) ([]Step, error) {
		if j.Status.InFlight() || j.PurgeAt.IsZero() || now.Before(j.PurgeAt) {
			return nil, errNothingToDo
		}
		if !now.Before(j.ExpiresAt) {
			j.ObjectKey = ""
		}
		if !inUse {
			j.Parts = nil
		}
		j.PurgeAt = now.Add(r.lease)
		return nil, nil
	}
}

// endPurge notes that all is deleted which beginPurge took out.
func (r rules) endPurge(_ time.Time, j *Job) ([]Step, error) {
	j.PurgeAt = time.Time{}
	if j.ObjectKey != "" {
		j.PurgeAt = j.ExpiresAt
		return nil, nil
	}
	if j.Status == Completed {
		return []Step{StepPurged}, nil
	}
	return nil, nil
}

// countFailure counts an attempt that came to nothing. It reports whether that was
// one too many, which ends the job with a public text.
func (r rules) countFailure(now time.Time, j *Job, text string) (ended bool) {
	if j.Failures++; j.Failures <= r.maxFailures {
		return false
	}
	r.end(now, j, Failed)
	j.Error = text
	return true
}

// end ends a job. Its parts are kept for jobs that retry it.
func (r rules) end(now time.Time, j *Job, status Status) {
	j.Status, j.Error = status, ""
	j.FinishedAt = now
	j.LeaseOwner, j.LeaseUntil, j.PutOff = "", time.Time{}, false
	j.Alone, j.Progress = false, nil
	j.Shards, j.Helpers, j.Snapshot, j.SharedBy = nil, nil, export.SharedSnapshot{}, 0
	j.PurgeAt = now.Add(max(r.partsRetention, 0))
}

// earliest returns the earlier of two instants. A zero one does not count.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || b.IsZero() {
		return cmp.Or(a, b)
	}
	if b.Before(a) {
		return b
	}
	return a
}
