//go:build linux

package soak_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/orgexport/orgexport/adapters/bunstore"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/jobs"
)

const (
	// settlePatience is how long exports may take to end once there is no load and nothing
	// is disturbed: a few attempts may have to be waited for.
	settlePatience = 5 * time.Minute

	// checkedArchives bounds how many archives are downloaded at the end, newest first.
	checkedArchives = 300

	// auditGap is how long before a process was killed downloads may be that it has not
	// recorded: they are added up for a while.
	auditGap = 70 * time.Second
)

// organizations are all, the hostile one last.
func (s *soak) organizations() []string { return append(slices.Clone(s.honest), s.hostile) }

// settle waits until all jobs have ended.
func (s *soak) settle(t *testing.T, store *bunstore.Store) {
	t.Helper()
	var left []jobs.Job
	began := time.Now()
	settled := eventually(t.Context(), settlePatience, func() bool {
		left = nil
		for _, organization := range s.organizations() {
			list := s.jobsOf(t, store, organization)
			left = append(left, slices.DeleteFunc(list, func(j jobs.Job) bool { return !j.Status.InFlight() })...)
		}
		return len(left) == 0
	})
	t.Logf("all jobs had ended after %v", time.Since(began).Round(time.Second))
	if !settled {
		for _, j := range left {
			t.Errorf("a job is stuck: %+v", j)
		}
	}
}

// jobsOf are all jobs of an organization, newest first.
func (s *soak) jobsOf(t *testing.T, store *bunstore.Store, organization string) (all []jobs.Job) {
	t.Helper()
	for page := 1; ; page++ {
		list, _, err := store.List(t.Context(), organization, jobs.Page{Number: page, Size: 1000})
		if err != nil {
			t.Fatal(err)
		}
		if all = append(all, list...); len(list) < 1000 {
			return all
		}
	}
}

// check looks at everything that is left, and stops the nodes.
func (s *soak) check(t *testing.T, store *bunstore.Store) {
	t.Helper()
	for _, organization := range s.organizations() {
		list := s.jobsOf(t, store, organization)
		for _, j := range list {
			s.checkJob(t, j)
		}
		s.checkArchives(t, organization, list)
	}
	s.checkIdle(t)
	for _, n := range s.nodes {
		if code := n.process().stop(); code != 0 {
			t.Errorf("%s ends with status %d", n.config, code)
		}
	}
	for _, organization := range append(s.organizations(), "") {
		s.checkAudit(t, store, organization)
	}
	for _, problem := range s.seen.problems {
		t.Error(problem)
	}
	if s.seen.dropped > 0 {
		t.Errorf("and %d more", s.seen.dropped)
	}
}

// checkJob looks at how a job has ended.
func (s *soak) checkJob(t *testing.T, j jobs.Job) {
	t.Helper()
	if j.Organization.ID == s.hostile {
		return
	}
	if j.Status != jobs.Completed && !j.Cancelled {
		t.Errorf("an honest job is %s after %d failures: %s", j.Status, j.Failures, j.Error)
	}
	if j.Status != jobs.Completed || s.trouble.between(j.CreatedAt, j.FinishedAt) {
		return // of what was down a section may have been a victim
	}
	for _, r := range j.Results {
		if r.Status != export.StatusOK {
			t.Errorf("section %s of an honest job is %s: %s", r.Key, r.Status, r.Error)
		}
	}
}

// checkArchives downloads the archives of an organization and verifies them.
func (s *soak) checkArchives(t *testing.T, organization string, list []jobs.Job) {
	t.Helper()
	key := s.newKey(t, organization, "--per-minute", "1000000", "--per-day", "1000000")
	c := s.newClient(organization, key, honestAddress, true)
	defer c.http.CloseIdleConnections()
	list = slices.DeleteFunc(list, func(j jobs.Job) bool { return j.ObjectKey == "" })
	for _, j := range list[:min(len(list), checkedArchives)] {
		answer := c.poll(t.Context(), j.ID)
		if answer.Download == "" && s.mayBeGone(j.ID) {
			continue
		}
		if answer.Status != "completed" || answer.Download == "" {
			t.Errorf("a job with an archive is %+v", answer)
			continue
		}
		r := c.download(t.Context(), j.ID, answer.Download, "")
		if r.status != 200 {
			t.Errorf("the link of a job gives %d: %.300s", r.status, r.body)
			continue
		}
		s.verify(t.Context(), "job "+j.ID, j.Format, r.body)
	}
}

// mayBeGone reports whether the archive of a job may be gone though the job has it: somebody
// asked for its removal, and that could not be stored because the disk was full.
func (s *soak) mayBeGone(id string) bool {
	s.seen.mu.Lock()
	defer s.seen.mu.Unlock()
	j := s.seen.jobs[id]
	return j != nil && j.deleted.most > 0
}

// checkAudit compares the audit log of an organization with what clients have seen.
func (s *soak) checkAudit(t *testing.T, store *bunstore.Store, organization string) {
	t.Helper()
	entries, err := store.Entries(t.Context(), organization, 100_000_000)
	if err != nil {
		t.Fatal(err)
	}
	requested, deleted, downloads := make(map[string]int64), make(map[string]int64), make(map[string]int64)
	var keysMade, keysGone, unknown int64
	for _, e := range entries {
		switch e.Action {
		case audit.Requested:
			requested[e.JobID]++
		case audit.Cancelled, audit.Purged:
			deleted[e.JobID]++
		case audit.Downloaded:
			downloads[e.JobID] += max(e.Requests, 1)
		case audit.KeyCreated:
			keysMade++
		case audit.KeyRevoked:
			keysGone++
		case audit.Linked, audit.SessionCreated, audit.SessionEnded, audit.MemberPut, audit.MemberRemoved:
		}
		if j := s.seen.jobs[e.JobID]; e.Action == audit.Requested && (j == nil || j.requested.most == 0) {
			unknown++
		}
	}
	if most := s.seen.lostEver[organization]; unknown > most {
		t.Errorf("%d jobs were requested that no client has seen; %d requests had no answer", unknown, most)
	}
	want := func(what string, b bounds, got int64) {
		t.Helper()
		if !b.holds(got) {
			t.Errorf("organization %s: the audit log has %d entries of %s, want %d to %d", organization, got, what, b.least, b.most)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.seen.jobs)) {
		if j := s.seen.jobs[id]; j.organization == organization {
			if j.requested.most == 0 {
				j.requested.most = 1 // its request had no answer
			}
			want("the request of job "+id, j.requested, requested[id])
			want("the end of job "+id, j.deleted, deleted[id])
			want("downloads of job "+id, s.downloads(j), downloads[id])
		}
	}
	for _, keys := range []struct {
		what string
		seen *bounds
		got  int64
	}{{"keys made", s.seen.keysMade[organization], keysMade}, {"keys revoked", s.seen.keysGone[organization], keysGone}} {
		if keys.seen == nil {
			keys.seen = new(bounds)
		}
		want(keys.what, *keys.seen, keys.got)
	}
}

// downloads are how many downloads of a job have to be recorded. Those that a killed
// process may have counted, and not recorded yet, may be.
func (s *soak) downloads(j *sighting) bounds {
	b := bounds{most: j.downloads}
	for _, began := range j.sure {
		lost := slices.ContainsFunc(s.nodes, func(n *node) bool { return n.killedWithin(began, auditGap) })
		if !lost {
			b.least++
		}
	}
	return b
}

// openStore opens the database of jobs.
func (s *soak) openStore(t *testing.T) *bunstore.Store {
	t.Helper()
	store, err := bunstore.Open(t.Context(), s.database, bunstore.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}
