package wire_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/verify"
)

// check compares what the clients have seen with what is there. Nothing runs any
// more.
func (w *loadWorld) check() {
	w.t.Helper()
	w.seen.checkFlights()
	for i, problem := range w.seen.problems {
		if i == 20 {
			w.t.Errorf("and %d more", len(w.seen.problems)-i)
			break
		}
		w.t.Error(problem)
	}
	w.log.check(w.t)
	list := w.jobs()
	ends := make(map[string]int)
	for id, job := range list {
		w.checkJob(id, job, ends)
	}
	w.t.Logf("jobs: %d, of which %v", len(list), ends)
	if ends["completed"] == 0 || ends["cancelled"] == 0 || ends["purged"] == 0 {
		w.t.Error("the clients have not got round to everything")
	}
	w.checkTrail(list)
	w.checkArchives(list)
}

// checkFlights looks for a list in which two jobs in flight are of one request.
// It does so when all are gone, because a list may show a job before the response
// to its request is seen.
func (s *loadSeen) checkFlights() {
	for _, flight := range s.flights {
		requests := make(map[string]string)
		for _, id := range flight {
			request := s.jobs[id].request
			if other, ok := requests[request]; ok {
				s.problem("jobs %s and %s of %s are in flight at once", id, other, request)
			}
			requests[request] = id
		}
	}
}

func (l *loadLog) check(t *testing.T) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.messages) > 0 {
		t.Logf("logged: %v", l.messages)
	}
	for _, text := range l.errors[:min(len(l.errors), 20)] {
		t.Errorf("logged: %s", text)
	}
}

// jobs returns all jobs of the database, which are those that were seen.
func (w *loadWorld) jobs() map[string]jobs.Job {
	w.t.Helper()
	all := make(map[string]jobs.Job)
	for _, organization := range w.organizations {
		list, total, err := w.server.Store.List(w.t.Context(), organization, jobs.Page{Number: 1, Size: 1 << 20})
		if err != nil {
			w.t.Fatal(err)
		}
		if len(list) != len(w.seen.ids[organization]) || total != int64(len(list)) {
			w.t.Errorf("organization %s has %d of %d jobs, %d were seen", organization, len(list), total, len(w.seen.ids[organization]))
		}
		for _, job := range list {
			all[job.ID] = job
		}
	}
	for id, job := range w.seen.jobs {
		if _, ok := all[id]; !ok || job.request == "" {
			w.t.Errorf("job %s of %q was seen; that it is in the database is %t", id, job.request, ok)
		}
	}
	return all
}

// checkJob checks how a job has ended, and counts that.
func (w *loadWorld) checkJob(id string, job jobs.Job, ends map[string]int) {
	w.t.Helper()
	seen := w.seen.jobs[id]
	if seen == nil {
		return // reported already
	}
	end, attempts, asked := "completed", 1, false
	switch {
	case job.Status == jobs.Failed:
		end, attempts, asked = "cancelled", job.Attempt, true
	case job.ObjectKey == "":
		end, asked = "purged", true
	}
	ends[end]++
	if job.RetryOf != "" {
		ends["retries"]++
	}
	var problems []string
	bad := func(wrong bool, what string) {
		if wrong {
			problems = append(problems, what)
		}
	}
	bad(job.Status.InFlight() || seen.endedAt > 0 && job.Status != seen.status, "its status")
	bad(asked != (seen.deletedAt > 0), "whether it was deleted")
	bad(end == "cancelled" && job.Error != "The export was cancelled.", "its error")
	bad(job.Attempt != attempts || attempts > 1 || job.Failures != 0, "its attempts")
	bad(job.LeaseOwner != "" || !job.LeaseUntil.IsZero() || job.FinishedAt.IsZero() || len(job.Progress) > 0, "that it is left")
	bad(job.RetryOf != seen.retryOf || job.Format != seen.format, "its request")
	if end != "cancelled" {
		keys, want := resultKeys(job), loadInventory(seen.sections)
		bad(!slices.Equal(keys, want), "its sections")
		digest := "sha-256=:" + base64.StdEncoding.EncodeToString(job.SHA256) + ":"
		bad(seen.digest != "" && seen.digest != digest, "its digest")
	}
	if len(problems) > 0 {
		w.t.Errorf("what is wrong with a job is %s\nit is   %+v\nit was %+v", strings.Join(problems, ", "), job, *seen)
	}
}

func resultKeys(job jobs.Job) (keys []string) {
	for _, result := range job.Results {
		if result.Status == export.StatusOK || result.Status == export.StatusEmpty {
			keys = append(keys, result.Key)
		}
	}
	return keys
}

// loadInventory is what an archive of the sections has, in its order.
func loadInventory(asked string) []string {
	all := []string{"organization", "members", "products", "offers"}
	if asked == "" {
		return all
	}
	return slices.DeleteFunc(all, func(key string) bool { return !slices.Contains(strings.Split(asked, ","), key) })
}

// checkTrail compares the audit trail with how the jobs have ended.
func (w *loadWorld) checkTrail(list map[string]jobs.Job) {
	w.t.Helper()
	recorded := make(map[string]map[audit.Action]int)
	linked := make(map[string]bool) // by actor, job and hour, and by job
	total := make(map[audit.Action]int)
	if err := w.server.Flush(w.t.Context()); err != nil {
		w.t.Error(err)
	}
	for _, organization := range w.organizations {
		entries, err := w.server.Store.Entries(w.t.Context(), organization, 1<<30)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, e := range entries {
			requests := int(max(e.Requests, 1))
			total[e.Action] += requests
			if e.Action == audit.Linked {
				once := fmt.Sprint(e.Actor, e.JobID, e.At.Truncate(time.Hour))
				if linked[once] {
					w.t.Errorf("that %s got a link to job %s is recorded twice in an hour", e.Actor, e.JobID)
				}
				linked[once], linked[e.JobID] = true, true
				continue
			}
			if recorded[e.JobID] == nil {
				recorded[e.JobID] = make(map[audit.Action]int)
			}
			recorded[e.JobID][e.Action] += requests
			if e.Action == audit.Downloaded && !e.Complete {
				w.t.Errorf("a download of job %s is recorded as incomplete", e.JobID)
			}
		}
	}
	w.t.Logf("audit trail: %v", total)
	for id, job := range list {
		want := map[audit.Action]int{audit.Requested: 1}
		switch {
		case job.Status == jobs.Failed:
			want[audit.Cancelled] = 1
		case job.ObjectKey == "":
			want[audit.Purged] = 1
		}
		if n := w.seen.jobs[id].downloads; n > 0 {
			want[audit.Downloaded] = n
			if !linked[id] {
				w.t.Errorf("the audit trail does not tell who got a link to job %s", id)
			}
		}
		if !maps.Equal(recorded[id], want) {
			w.t.Errorf("the audit trail of job %s has %v, want %v", id, recorded[id], want)
		}
	}
}

// checkArchives lets the time pass until parts and what was cancelled are
// deleted, and looks at what is left.
func (w *loadWorld) checkArchives(list map[string]jobs.Job) {
	w.t.Helper()
	want := make(map[string]jobs.Job)
	for id, job := range list {
		if job.ObjectKey != "" {
			want[job.ObjectKey] = job
		}
		if job.PurgeAt.IsZero() {
			continue
		}
		_, err := w.server.Store.Update(w.t.Context(), id, func(now time.Time, j *jobs.Job) error {
			j.PurgeAt = now
			return nil
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := w.server.Run(ctx); err != nil {
			w.t.Error(err)
		}
	})
	w.waitFor("jobs have not been tidied", "purge_at IS NOT NULL AND (object_key = '' OR purge_at <> expires_at)")
	cancel()
	running.Wait()
	if parts := w.files("parts"); len(parts) > 0 {
		w.t.Errorf("%d parts are left, such as %s", len(parts), parts[0])
	}
	kept := w.files("archives")
	for _, key := range kept {
		if _, ok := want[key]; !ok {
			w.t.Errorf("archive %s is left", key)
		}
	}
	for key, job := range want {
		w.checkArchive(key, job)
	}
}

// files lists the files in a folder of the server.
func (w *loadWorld) files(folder string) (names []string) {
	w.t.Helper()
	root := filepath.Join(w.config.Archives.Folder.Value, folder)
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		names = append(names, filepath.ToSlash(name))
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

// checkArchive verifies the archive of a job.
func (w *loadWorld) checkArchive(key string, job jobs.Job) {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join(w.config.Archives.Folder.Value, "archives", filepath.FromSlash(key)))
	if err != nil {
		w.t.Error(err)
		return
	}
	format := archive.Zip()
	if job.Format == "tar.gz" {
		format = archive.TarGz()
	}
	report, err := verify.Verify(w.t.Context(), format, bytes.NewReader(data), verify.Options{})
	sum := sha256.Sum256(data)
	if err != nil || !report.Whole() || report.Manifest.Job != job.ID || !bytes.Equal(sum[:], job.SHA256) || int64(len(data)) != job.Size {
		w.t.Errorf("archive %s of %d bytes: %v, %+v\nof the job %+v", key, len(data), err, report, job)
	}
}
