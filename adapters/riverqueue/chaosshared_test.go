//go:build unix

package riverqueue_test

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/orgexport/orgexport/export/jobs"
)

// shared is what the history of a job says of the workers that export it at once.
type shared struct {
	lease  time.Duration
	taken  map[take]bool  // who had which shard
	owned  map[string]int // how many workers a shard has had, by nameOf
	helped map[int]bool   // the numbers of those that have helped

	lost int // helpers that were lost
	kept int // parts of those that are kept
}

// take is that a worker has taken a shard.
type take struct {
	section, shard string // shard is its range, or "all"
	worker         int
	owner          string
}

func newShared(lease time.Duration) shared {
	return shared{lease: lease, taken: make(map[take]bool), owned: make(map[string]int), helped: make(map[int]bool)}
}

// check looks at a write of a job in flight. own is the number of the job's own worker.
func (s *shared) check(p *problems, old, now write, own int) {
	s.checkHelpers(p, old, now)
	if len(old.Shards) > 0 && p.sameShards(old, now) {
		for i := range now.Shards {
			s.checkShard(p, old, now, i, own)
		}
	}
	if now.writer != old.LeaseOwner && now.Attempt == old.Attempt && now.Status == jobs.Processing {
		a, b := unshared(old.Job), unshared(now.Job)
		p.bad(a != b, "the helper %s has changed\n%s\n%s", now.writer, a, b)
	}
}

// checkHelpers looks who has come and gone.
func (s *shared) checkHelpers(p *problems, old, now write) {
	claims := old.Claims
	if now.Attempt != old.Attempt {
		claims++
	}
	for _, h := range now.Helpers {
		if hasHelper(old.Job, h.Worker) {
			continue
		}
		claims++
		s.helped[h.Worker] = true
		p.bad(h.Worker != claims || h.Node != now.writer || !old.Offers(), "%s has let %s help as worker %d after %d", now.writer, h.Node, h.Worker, old.Claims)
	}
	p.bad(now.Claims != claims, "worker %d is followed by %d", old.Claims, now.Claims)
	for _, h := range old.Helpers {
		if hasHelper(now.Job, h.Worker) || h.Node == now.writer {
			continue
		}
		s.lost++
		for _, part := range now.Parts {
			if part.Attempt == h.Worker {
				s.kept++
			}
		}
		at := now.LeaseUntil.Add(-s.lease) // its own worker has renewed its lease then
		p.bad(now.writer != now.LeaseOwner || at.Before(h.LeaseUntil), "%s has dropped the helper %s at %v, whose lease ends at %v", now.writer, h.Node, at, h.LeaseUntil)
	}
}

// sameShards looks that the job is made of the same shards as before.
func (p *problems) sameShards(old, now write) bool {
	same := slices.EqualFunc(old.Shards, now.Shards, func(a, b jobs.Shard) bool {
		return a.Section == b.Section && a.Number == b.Number && a.Range == b.Range
	})
	p.bad(!same, "the shards are others:\n%v\n%v", old.Shards, now.Shards)
	return same
}

// checkShard looks whose a shard is: of one worker, until that has sealed it or lost it.
func (s *shared) checkShard(p *problems, old, now write, i, own int) {
	before, after := old.Shards[i], now.Shards[i]
	if slices.ContainsFunc(now.Parts, after.Of) && !slices.ContainsFunc(old.Parts, after.Of) {
		part := now.Parts[slices.IndexFunc(now.Parts, after.Of)]
		p.bad(part.Attempt != before.Worker, "worker %d has sealed the shard %v", part.Attempt, before)
	}
	if before.Worker == after.Worker {
		return
	}
	p.bad(slices.ContainsFunc(old.Parts, before.Of), "%s has changed whose the sealed shard %v is: %v", now.writer, before, after)
	if after.Worker == 0 {
		_, lives := workers(now.Job, own)[before.Worker]
		p.bad(lives, "%s has let others have the shard %v, whose worker lives", now.writer, before)
		return
	}
	p.bad(before.Worker != 0 || workers(old.Job, own)[after.Worker] != now.writer, "%s has taken the shard %v: %v", now.writer, before, after)
	t := take{after.Section, cmp.Or(after.Range, "all"), after.Worker, now.writer}
	p.bad(s.taken[t], "it was taken twice: %v", t)
	s.taken[t] = true
	s.owned[nameOf(after.Section, after.Number)]++
}

// helpsWith reports whether a node helps with a job.
func helpsWith(job jobs.Job, node string) bool {
	return slices.ContainsFunc(job.Helpers, func(h jobs.Helper) bool { return h.Node == node })
}

func hasHelper(job jobs.Job, worker int) bool {
	return slices.ContainsFunc(job.Helpers, func(h jobs.Helper) bool { return h.Worker == worker })
}

// unshared is a job without what its helpers may change.
func unshared(job jobs.Job) string {
	job.Parts, job.Results, job.Shards, job.Helpers = nil, nil, nil, nil
	job.Claims, job.ClaimedAt = 0, time.Time{}
	text, err := json.Marshal(job)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// checkHelp looks that workers have helped, and been lost at it.
func (c *chaos) checkHelp(histories map[string]*history) {
	helps, lost, kept, sealed, all, again := 0, 0, 0, 0, 0, 0
	for _, h := range histories {
		helps += len(h.shared.helped)
		lost += h.shared.lost
		kept += h.shared.kept
		all += len(h.sealed)
		for _, worker := range h.sealed {
			if h.shared.helped[worker] {
				sealed++
			}
		}
		for _, n := range h.shared.owned {
			if n > 1 {
				again++
			}
		}
	}
	c.t.Logf("%d times a worker has helped; helpers have sealed %d of %d parts; %d helpers were lost, of which %d sealed parts are kept; %d shards had more than one worker",
		helps, sealed, all, lost, kept, again)
	if sealed < len(histories) || lost == 0 || kept == 0 {
		c.t.Error("workers have not helped each other")
	}
}

// countParts counts the parts of an export.
func countParts(split bool) int {
	n := 0
	for _, s := range slowSections(0, split, nil) {
		if s, ok := s.(splitSection); ok {
			n += s.shards
		} else {
			n++
		}
	}
	return n
}
