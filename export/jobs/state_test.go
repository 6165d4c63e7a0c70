package jobs

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
)

// Each rule is tried on a job in each state. What a cell says is the whole
// difference that a rule makes.

var (
	stateNow   = time.Date(2026, 6, 26, 21, 0, 0, 0, time.UTC)
	stateRules = rules{lease: 10 * time.Second, retention: 7 * 24 * time.Hour, partsRetention: 24 * time.Hour, maxFailures: 2}
)

const stateAttempt = 3 // of every job in states

// at is an instant in the table: so long after stateNow.
func at(d time.Duration) time.Time { return stateNow.Add(d) }

// inState returns a job in a state. All have been tried before.
func inState(change func(j *Job)) Job {
	j := Job{
		ID: "job", Attempt: stateAttempt, Failures: 1,
		CreatedAt: at(-time.Hour), ClaimedAt: at(-time.Minute),
		Parts:   []export.PartID{{JobID: "job", Section: "a", Attempt: 1}, {JobID: "job", Section: "b", Attempt: 2}},
		Results: []export.SectionResult{{Key: "a"}, {Key: "b"}},
	}
	change(&j)
	return j
}

func pending(until time.Duration) func(*Job) {
	return func(j *Job) { j.Status, j.LeaseUntil = Pending, at(until) }
}

func processing(until time.Duration) func(*Job) {
	return func(j *Job) {
		j.Status, j.LeaseUntil, j.LeaseOwner = Processing, at(until), "other"
		j.Progress = []SectionProgress{{Key: "c"}}
	}
}

func completed(expires, purge time.Duration) func(*Job) {
	return func(j *Job) {
		j.Status, j.ObjectKey, j.FinishedAt = Completed, "key", at(-time.Hour)
		j.ExpiresAt, j.PurgeAt = at(expires), at(purge)
	}
}

func and(changes ...func(*Job)) func(*Job) {
	return func(j *Job) {
		for _, change := range changes {
			change(j)
		}
	}
}

var (
	putOff     = func(j *Job) { j.PutOff = true }
	alone      = func(j *Job) { j.Alone = true }
	suspect    = func(j *Job) { j.Suspect++ }
	unable     = func(since time.Duration) func(*Job) { return func(j *Job) { j.UnableSince = at(since) } }
	lastChance = func(j *Job) { j.Failures = stateRules.maxFailures }
	later      = func(j *Job) { j.Attempt++ } // another worker has it
	gone       = func(j *Job) { j.ObjectKey = "" }
	failed     = func(j *Job) {
		j.Status, j.Error, j.FinishedAt, j.PurgeAt = Failed, "why", at(-time.Hour), at(time.Hour)
	}
)

var states = map[string]Job{
	"pending":             inState(pending(5 * time.Second)),
	"pending, task lost":  inState(pending(0)),
	"put off":             inState(and(pending(5*time.Second), putOff)),
	"put off, due":        inState(and(pending(0), putOff)),
	"processing":          inState(processing(5 * time.Second)),
	"processing by other": inState(and(processing(5*time.Second), later)),
	"worker lost":         inState(processing(0)),
	"worker lost again":   inState(and(processing(0), lastChance)),
	"lost alone":          inState(and(processing(0), alone)),
	"lost alone again":    inState(and(processing(0), alone, lastChance)),
	"suspect":             inState(and(pending(5*time.Second), suspect)),
	"suspect, running":    inState(and(processing(5*time.Second), suspect, alone)),
	"suspect lost":        inState(and(processing(0), suspect)),
	"suspect 2":           inState(and(pending(5*time.Second), suspect, suspect)),
	"suspect 2 lost":      inState(and(processing(0), suspect, suspect)),
	"unable, tried again": inState(and(pending(5*time.Second), unable(-30*time.Second))),
	"unable for long":     inState(and(pending(5*time.Second), unable(-15*time.Minute))),
	"last chance":         inState(and(processing(5*time.Second), lastChance)),
	"completed":           inState(completed(7*24*time.Hour, time.Hour)),
	"parts due":           inState(completed(7*24*time.Hour, 0)),
	"archive due":         inState(completed(0, 0)),
	"archive gone":        inState(and(completed(0, -time.Second), gone)),
	"failed":              inState(failed),
	"failed, parts due":   inState(and(failed, func(j *Job) { j.PurgeAt = at(0) })),
}

// ruleTest is a row of the table: one rule on all states.
type ruleTest struct {
	name  string
	apply transition
	want  map[string]string // what is not listed gives otherwise
	other string
}

const (
	nothing  = "nothing to do"
	lost     = "lease lost"
	ended    = "ended"
	tooOften = "+worker_lost +failed failed 3 failures finished no lease no progress purge 24h0m0s error"
	claimed  = "+claimed processing attempt 4 claimed by me until 10s"
	dropped  = "+cancelled failed finished no lease purge 20s error"
	crowded  = "jobs: the job must run alone"
)

// ofWorker is what a rule of the worker that has the job gives.
func ofWorker(want string) map[string]string {
	return map[string]string{
		"processing": want, "worker lost": want, "last chance": want, "worker lost again": want,
		"lost alone": want, "lost alone again": want, "suspect, running": want, "suspect lost": want, "suspect 2 lost": want,
		"completed": ended, "parts due": ended, "archive due": ended, "archive gone": ended, "failed": ended, "failed, parts due": ended,
	}
}

// ending is what a rule of that worker gives by which it gives the job up.
func ending(want string) map[string]string {
	ends := ofWorker(want)
	for _, state := range []string{"lost alone", "lost alone again", "suspect, running"} {
		ends[state] += " not alone"
	}
	return ends
}

func with(want map[string]string, others map[string]string) map[string]string {
	maps.Copy(want, others)
	return want
}

func ruleTests() []ruleTest {
	result := export.Result{Filename: "a.zip", Size: 5, Sections: []export.SectionResult{{Key: "a"}}}
	worker := func(t transition) transition { return fenced(stateAttempt, t) }
	return []ruleTest{
		{"claim", stateRules.claim(place{node: "me", able: all}), map[string]string{
			"pending":             claimed,
			"pending, task lost":  claimed,
			"put off, due":        claimed + " not put off",
			"worker lost":         "+worker_lost +suspected suspect 1 +claimed attempt 4 claimed by me until 10s no progress",
			"worker lost again":   "+worker_lost +suspected suspect 1 +claimed attempt 4 claimed by me until 10s no progress",
			"lost alone":          "+worker_lost suspect 1 2 failures +claimed attempt 4 claimed by me until 10s no progress not alone",
			"lost alone again":    tooOften + " suspect 1 not alone",
			"suspect":             claimed,
			"suspect lost":        "+worker_lost +suspected suspect 2 pending no owner until 10s no progress",
			"suspect 2":           crowded,
			"suspect 2 lost":      "+worker_lost +suspected pending no owner until 10s no progress",
			"unable, tried again": claimed + " able",
			"unable for long":     claimed + " able",
		}, nothing},
		{"claim in an idle process", stateRules.claim(place{node: "me", able: all, alone: true}), map[string]string{
			"pending":             claimed + " alone",
			"pending, task lost":  claimed + " alone",
			"put off, due":        claimed + " alone not put off",
			"worker lost":         "+worker_lost +suspected suspect 1 +claimed alone attempt 4 claimed by me until 10s no progress",
			"worker lost again":   "+worker_lost +suspected suspect 1 +claimed alone attempt 4 claimed by me until 10s no progress",
			"lost alone":          "+worker_lost suspect 1 2 failures +claimed attempt 4 claimed by me until 10s no progress",
			"lost alone again":    tooOften + " suspect 1 not alone",
			"suspect":             claimed + " alone",
			"suspect lost":        "+worker_lost +suspected suspect 2 +claimed alone attempt 4 claimed by me until 10s no progress",
			"suspect 2":           claimed + " alone",
			"suspect 2 lost":      "+worker_lost +suspected +claimed alone attempt 4 claimed by me until 10s no progress",
			"unable, tried again": claimed + " alone able",
			"unable for long":     claimed + " alone able",
		}, nothing},
		{"claim beside a suspect", stateRules.claim(place{node: "me", able: all, withSuspect: true}), map[string]string{
			"pending":             claimed,
			"pending, task lost":  claimed,
			"put off, due":        claimed + " not put off",
			"worker lost":         "+worker_lost +suspected suspect 1 pending no owner until 10s no progress",
			"worker lost again":   "+worker_lost +suspected suspect 1 pending no owner until 10s no progress",
			"lost alone":          "+worker_lost suspect 1 2 failures pending no owner until 10s no progress not alone",
			"lost alone again":    tooOften + " suspect 1 not alone",
			"suspect":             errSuspect.Error(),
			"suspect lost":        "+worker_lost +suspected suspect 2 pending no owner until 10s no progress",
			"suspect 2":           errSuspect.Error(),
			"suspect 2 lost":      "+worker_lost +suspected pending no owner until 10s no progress",
			"unable, tried again": claimed + " able",
			"unable for long":     claimed + " able",
		}, nothing},
		{"claim without a section", stateRules.claim(place{node: "me", able: func(Job) bool { return false }}), map[string]string{
			"pending":             "+unable unable since 0s put off until 3.333333333s",
			"pending, task lost":  "+unable unable since 0s put off until 3.333333333s",
			"put off, due":        "+unable unable since 0s until 3.333333333s",
			"worker lost":         "+worker_lost +suspected suspect 1 +unable pending no owner unable since 0s put off until 3.333333333s no progress",
			"worker lost again":   "+worker_lost +suspected suspect 1 +unable pending no owner unable since 0s put off until 3.333333333s no progress",
			"lost alone":          "+worker_lost suspect 1 2 failures +unable pending no owner unable since 0s put off until 3.333333333s no progress not alone",
			"lost alone again":    tooOften + " suspect 1 not alone",
			"suspect":             "+unable unable since 0s put off until 3.333333333s",
			"suspect lost":        "+worker_lost +suspected suspect 2 pending no owner until 10s no progress",
			"suspect 2":           crowded,
			"suspect 2 lost":      "+worker_lost +suspected pending no owner until 10s no progress",
			"unable, tried again": "+unable put off until 30s",
			"unable for long":     claimed,
		}, nothing},
		{"rescue", stateRules.rescue, map[string]string{
			"pending, task lost": "until 10s",
			"put off, due":       "until 10s not put off",
			"worker lost":        "+worker_lost +suspected suspect 1 pending no owner until 10s no progress",
			"worker lost again":  "+worker_lost +suspected suspect 1 pending no owner until 10s no progress",
			"lost alone":         "+worker_lost suspect 1 pending 2 failures no owner until 10s no progress not alone",
			"lost alone again":   tooOften + " suspect 1 not alone",
			"suspect lost":       "+worker_lost +suspected suspect 2 pending no owner until 10s no progress",
			"suspect 2 lost":     "+worker_lost +suspected pending no owner until 10s no progress",
		}, nothing},
		{"wake", stateRules.wake, map[string]string{
			"pending": "until 10s", "pending, task lost": "until 10s", "suspect": "until 10s", "suspect 2": "until 10s",
			"unable, tried again": "until 10s", "unable for long": "until 10s",
		}, nothing},
		{"waitForAlone", stateRules.waitForAlone, map[string]string{
			"pending": "+unable put off until 2m0s", "pending, task lost": "+unable put off until 2m0s", "suspect": "+unable put off until 2m0s",
			"suspect 2": "+unable put off until 2m0s", "unable, tried again": "+unable put off until 2m0s", "unable for long": "+unable put off until 2m0s",
		}, nothing},
		{"acquit", stateRules.acquit(stateAttempt), with(ending("+handed_back pending no owner until 0s no progress"), map[string]string{
			"worker lost": "+handed_back pending no owner no progress", "worker lost again": "+handed_back pending no owner no progress",
			"lost alone": "+handed_back pending no owner no progress not alone", "lost alone again": "+handed_back pending no owner no progress not alone",
			"suspect lost": "+handed_back pending no owner no progress", "suspect 2 lost": "+handed_back pending no owner no progress",
			"suspect": "suspect 0", "suspect 2": "suspect 1", "completed": nothing, "parts due": nothing, "archive due": nothing,
			"archive gone": nothing, "failed": nothing, "failed, parts due": nothing,
		}), nothing},
		{"acquit of the attempt before", stateRules.acquit(stateAttempt - 1), nil, nothing},
		{"crowd", worker(stateRules.crowd), with(ofWorker(nothing), map[string]string{
			"lost alone": "not alone", "lost alone again": "not alone", "suspect, running": "not alone",
		}), lost},
		{"renew", worker(stateRules.renew([]SectionProgress{{Key: "d"}})), ofWorker("until 10s progress d"), lost},
		{
			"addPart", worker(stateRules.addPart(export.PartID{Section: "b", Attempt: 3}, export.SectionResult{Key: "b"}, export.Organization{ID: "org", Slug: "acme"})),
			ofWorker("organization acme parts a1 b3"), lost,
		},
		{"dropPart", worker(stateRules.dropPart(export.PartID{Section: "a"})), ofWorker("parts b2 results b"), lost},
		{
			"complete", worker(stateRules.complete("new", result)),
			ending("+completed completed finished no lease no progress purge 24h0m0s archive new expires 168h0m0s results a"), lost,
		},
		{"fail", worker(stateRules.fail("why not")), ending("+failed failed finished no lease no progress purge 24h0m0s error"), lost},
		{"putOff", worker(stateRules.putOff(failureText(nil))), with(ending("+put_off pending 2 failures no owner until 20s no progress put off"), map[string]string{
			"lost alone again":  "+failed failed 3 failures finished no lease no progress purge 24h0m0s error not alone",
			"last chance":       "+failed failed 3 failures finished no lease no progress purge 24h0m0s error",
			"worker lost again": "+failed failed 3 failures finished no lease no progress purge 24h0m0s error",
		}), lost},
		{"postpone", worker(stateRules.postpone), ending("+put_off pending no owner until 40s no progress put off"), lost},
		{"handBack", worker(stateRules.handBack), with(ending("+handed_back pending no owner until 0s no progress"), map[string]string{
			"lost alone":        "+handed_back pending no owner no progress not alone",
			"lost alone again":  "+handed_back pending no owner no progress not alone",
			"suspect lost":      "+handed_back pending no owner no progress",
			"suspect 2 lost":    "+handed_back pending no owner no progress",
			"worker lost":       "+handed_back pending no owner no progress", // it was until now already
			"worker lost again": "+handed_back pending no owner no progress",
		}), lost},
		{"remove", stateRules.remove, map[string]string{
			"completed": "archive gone, expires 0s purge 0s", "parts due": "archive gone, expires 0s", "archive due": "archive gone,",
			"archive gone": nothing, "failed": nothing, "failed, parts due": nothing,
			"put off": "+cancelled failed finished no lease not put off purge 20s error", "put off, due": "+cancelled failed finished no lease not put off purge 20s error",
			"pending": dropped, "pending, task lost": dropped, "suspect": dropped, "suspect 2": dropped,
			"unable, tried again": dropped, "unable for long": dropped,
			"lost alone": dropped + " no progress not alone", "lost alone again": dropped + " no progress not alone",
			"suspect, running": dropped + " no progress not alone",
		}, "+cancelled failed finished no lease no progress purge 20s error"},
		{"beginPurge", stateRules.beginPurge(false), map[string]string{
			"parts due":         "no parts purge 10s",
			"archive due":       "no parts archive gone, purge 10s",
			"archive gone":      "no parts purge 10s",
			"failed, parts due": "no parts purge 10s",
		}, nothing},
		{"beginPurge of parts in use", stateRules.beginPurge(true), map[string]string{
			"parts due":         "purge 10s",
			"archive due":       "archive gone, purge 10s",
			"archive gone":      "purge 10s",
			"failed, parts due": "purge 10s",
		}, nothing},
		{"lend", stateRules.lend, map[string]string{
			"completed": "", "failed": "",
			"parts due": "purge 10s", "archive due": "purge 10s", "archive gone": "purge 10s", "failed, parts due": "purge 10s",
		}, nothing},
		{"endPurge", stateRules.endPurge, map[string]string{
			"completed": "purge 168h0m0s", "parts due": "purge 168h0m0s", "archive due": "",
			"archive gone": "+purged purge never", "failed": "purge never", "failed, parts due": "purge never",
		}, "not called"},
	}
}

func TestStates(t *testing.T) {
	for _, r := range ruleTests() {
		for _, name := range slices.Sorted(maps.Keys(states)) {
			want, ok := r.want[name]
			if !ok {
				want = r.other
			}
			if want == "not called" { // jobs in flight are never purged
				continue
			}
			job := states[name].Clone()
			steps, err := r.apply(stateNow, &job)
			if got := outcome(states[name], job, steps, err); !sameWords(got, want) {
				t.Errorf("%s of a job that is %q:\n got %s\nwant %s", r.name, name, got, want)
			}
			checkJob(t, r.name+" of "+name, job)
			if job.Cancelled != slices.Contains(steps, StepCancelled) {
				t.Errorf("%s of %s: cancelled is %t after the steps %v", r.name, name, job.Cancelled, steps)
			}
		}
		for name := range r.want {
			if _, ok := states[name]; !ok {
				t.Errorf("%s: there is no state %q", r.name, name)
			}
		}
	}
}

// all is of a process that has every section.
func all(Job) bool { return true }

// sameWords compares two texts of an outcome: the order does not matter.
func sameWords(got, want string) bool {
	words := func(s string) []string { return slices.Sorted(slices.Values(strings.Fields(s))) }
	return slices.Equal(words(got), words(want))
}

// checkJob looks for what no job may be, whatever has happened to it.
func checkJob(t *testing.T, what string, j Job) {
	t.Helper()
	bad := map[string]bool{
		"a lease or an owner, and has ended":       !j.Status.InFlight() && (j.LeaseOwner != "" || !j.LeaseUntil.IsZero() || j.PutOff),
		"a process to itself, and does not run":    j.Status != Processing && j.Alone,
		"no owner, and is processing":              j.Status == Processing && j.LeaseOwner == "",
		"an owner, and is pending":                 j.Status == Pending && j.LeaseOwner != "",
		"no lease, and is in flight":               j.Status.InFlight() && j.LeaseUntil.IsZero(),
		"an error, and has not failed":             j.Status != Failed && j.Error != "",
		"no error, and has failed":                 j.Status == Failed && j.Error == "",
		"an archive, and is not completed":         j.Status != Completed && j.ObjectKey != "",
		"an archive that is never purged":          j.ObjectKey != "" && j.PurgeAt.IsZero() && j.ExpiresAt.After(stateNow),
		"not one result for each part in flight":   j.Status.InFlight() && len(j.Parts) != len(j.Results),
		"a time at which it ended, and is running": j.Status.InFlight() && !j.FinishedAt.IsZero(),
	}
	for text, is := range bad {
		if is {
			t.Errorf("%s: the job has %s", what, text)
		}
	}
}

// outcome tells what has changed between two jobs.
func outcome(was, is Job, steps []Step, err error) string {
	switch {
	case errors.Is(err, errEnded):
		return ended
	case errors.Is(err, errLeaseLost):
		return lost
	case errors.Is(err, errNothingToDo):
		return nothing
	case err != nil:
		return err.Error()
	}
	var out []string
	say := func(changed bool, format string, args ...any) {
		if changed {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	for _, step := range steps {
		say(true, "+%s", step)
	}
	since := func(t time.Time) string {
		if t.IsZero() {
			return "never"
		}
		return t.Sub(stateNow).String()
	}
	say(was.Status != is.Status, "%s", is.Status)
	say(was.Failures != is.Failures, "%d failures", is.Failures)
	say(was.Attempt != is.Attempt, "attempt %d", is.Attempt)
	say(!was.ClaimedAt.Equal(is.ClaimedAt), "claimed")
	say(!was.FinishedAt.Equal(is.FinishedAt), "finished")
	switch {
	case is.LeaseOwner == "" && is.LeaseUntil.IsZero():
		say(was.LeaseOwner != "" || !was.LeaseUntil.IsZero(), "no lease")
	default:
		say(was.LeaseOwner != is.LeaseOwner && is.LeaseOwner != "", "by %s", is.LeaseOwner)
		say(was.LeaseOwner != is.LeaseOwner && is.LeaseOwner == "", "no owner")
		say(!was.LeaseUntil.Equal(is.LeaseUntil), "until %s", since(is.LeaseUntil))
	}
	say(was.PutOff != is.PutOff && is.PutOff, "put off")
	say(was.PutOff != is.PutOff && !is.PutOff, "not put off")
	say(was.Progress != nil && is.Progress == nil, "no progress")
	say(is.Progress != nil && !slices.Equal(was.Progress, is.Progress), "progress %s", keys(is.Progress, func(p SectionProgress) string { return p.Key }))
	say(was.Parts != nil && is.Parts == nil, "no parts")
	say(is.Parts != nil && !slices.Equal(was.Parts, is.Parts), "parts %s", keys(is.Parts, func(id export.PartID) string { return fmt.Sprint(id.Section, id.Attempt) }))
	say(!slices.Equal(was.Results, is.Results), "results %s", keys(is.Results, func(r export.SectionResult) string { return r.Key }))
	say(was.Organization != is.Organization, "organization %s", is.Organization.Slug)
	say(was.ObjectKey != is.ObjectKey && is.ObjectKey == "", "archive gone,")
	say(was.ObjectKey != is.ObjectKey && is.ObjectKey != "", "archive %s", is.ObjectKey)
	say(!was.ExpiresAt.Equal(is.ExpiresAt), "expires %s", since(is.ExpiresAt))
	say(!was.PurgeAt.Equal(is.PurgeAt), "purge %s", since(is.PurgeAt))
	say(was.Error != is.Error, "error")
	say(was.Suspect != is.Suspect, "suspect %d", is.Suspect)
	say(!was.Alone && is.Alone, "alone")
	say(was.Alone && !is.Alone, "not alone")
	say(!was.UnableSince.Equal(is.UnableSince) && !is.UnableSince.IsZero(), "unable since %s", since(is.UnableSince))
	say(!was.UnableSince.Equal(is.UnableSince) && is.UnableSince.IsZero(), "able")
	return strings.Join(out, " ")
}

func keys[T any](list []T, key func(T) string) string {
	var out []string
	for _, v := range list {
		out = append(out, key(v))
	}
	return strings.Join(out, " ")
}

// TestPutOffLonger lets the same job fail again and again.
func TestPutOffLonger(t *testing.T) {
	r := stateRules
	r.maxFailures = 100
	job := states["processing"].Clone()
	job.Failures = 0
	for _, seconds := range []int{10, 20, 40, 80, 160, 320, 640, 1280, 2560, 2560, 2560} {
		want := time.Duration(seconds) * time.Second
		job.Status, job.LeaseOwner = Processing, "me"
		if _, err := r.putOff(failureText(nil))(stateNow, &job); err != nil || !job.LeaseUntil.Equal(at(want)) {
			t.Errorf("after %d failures it waits %v, %v, want %v", job.Failures, job.LeaseUntil.Sub(stateNow), err, want)
		}
	}
}
