//go:build unix

package riverqueue_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/verify"
)

// check looks at what is there once all workers have stopped.
func (c *chaos) check() {
	c.sweep()
	histories := c.histories()
	c.checkStored(histories)
	want := []string{logFile, runsFile}
	engine, err := export.New(export.Config{Sections: slowSections(0, c.fanOut, nil), Concurrency: concurrency, Scratch: c.t.TempDir(), Logger: quiet()})
	if err != nil {
		c.t.Fatal(err)
	}
	failed := 0
	for _, h := range histories {
		last := h.writes[len(h.writes)-1].Job
		c.report(last, h.problems())
		if last.Status == jobs.Failed {
			failed++
			if last.Error != "The export failed too often. Please contact support." || last.ObjectKey != "" {
				c.t.Errorf("job %s failed with %q", last.ID, last.Error)
			}
			c.t.Logf("job %s failed: %s", last.ID, h)
			continue
		}
		name := filepath.Join("archives", filepath.FromSlash(last.ObjectKey))
		want = append(want, name)
		c.report(last, sameArchive(c.t, engine, last, filepath.Join(c.folder, name)))
	}
	if c.t.Logf("%d jobs failed", failed); 4*failed > len(histories) {
		c.t.Error("too many jobs failed")
	}
	if got := files(c.t, c.folder); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		c.t.Errorf("there are the files\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	c.checkRuns(histories)
	if c.fanOut {
		c.checkHelp(histories)
	}
	c.checkLog()
}

// checkStored compares what is stored with what was answered. A request that failed may have
// stored a job: its answer was lost.
func (c *chaos) checkStored(histories map[string]*history) {
	known := 0
	for id := range histories {
		if c.jobs[id] {
			known++
		}
	}
	if unknown := len(histories) - known; known != len(c.jobs) || unknown > c.retries {
		c.t.Errorf("%d of %d jobs are stored, and %d others with %d requests that failed", known, len(c.jobs), unknown, c.retries)
	}
}

func (c *chaos) report(job jobs.Job, problems []string) {
	for _, p := range problems {
		c.t.Errorf("job %s: %s", job.ID, p)
	}
}

// sweep deletes what is not kept, as every node does.
func (c *chaos) sweep() {
	ctx, cancel := context.WithCancel(c.t.Context())
	tended := make(chan bool)
	go func() {
		defer close(tended)
		c.requests.service.Maintain(ctx)
	}()
	c.eventually("what is not kept is deleted", `SELECT count(*) FROM orgexport_jobs WHERE
		NOT (status = 'completed' AND purge_at = expires_at) AND NOT (status = 'failed' AND purge_at IS NULL)`)
	cancel()
	<-tended
	before := len(files(c.t, c.folder))
	if err := c.requests.service.Sweep(c.t.Context()); err != nil {
		c.t.Error(err)
	}
	c.t.Logf("%d files were left over before the last sweep", before-len(files(c.t, c.folder)))
}

// write is a job as it was written, and who did.
type write struct {
	jobs.Job
	writer string
}

// history is what was written of a job.
type history struct {
	writes []write
	fanOut bool
	least  time.Duration  // that an attempt takes
	sealed map[string]int // the workers that have sealed the parts, by nameOf
	kept   int            // parts that an attempt found
	shared shared
}

func (c *chaos) histories() map[string]*history {
	c.t.Helper()
	rows, err := c.db.QueryContext(c.t.Context(), "SELECT writer, job FROM writes ORDER BY number")
	if err != nil {
		c.t.Fatal(err)
	}
	defer rows.Close()
	histories := make(map[string]*history)
	for rows.Next() {
		var w write
		var text string
		if err := rows.Scan(&w.writer, &text); err != nil {
			c.t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(text), &w.Job); err != nil {
			c.t.Fatal(err)
		}
		if histories[w.ID] == nil {
			histories[w.ID] = &history{fanOut: c.fanOut, least: c.tempo.least, sealed: make(map[string]int), shared: newShared(c.tempo.lease)}
		}
		histories[w.ID].writes = append(histories[w.ID].writes, w)
	}
	if err := rows.Err(); err != nil {
		c.t.Fatal(err)
	}
	return histories
}

// problems are what must not happen to a job.
type problems []string

func (p *problems) bad(wrong bool, format string, args ...any) {
	if wrong {
		*p = append(*p, fmt.Sprintf(format, args...))
	}
}

// problems are those of the job. It also notes who has sealed what.
func (h *history) problems() []string {
	var p problems
	ends, own := 0, 0
	var began time.Time
	old := write{Job: jobs.Job{Status: jobs.Pending}}
	for i, now := range h.writes {
		if !now.Status.InFlight() && (i == 0 || old.Status.InFlight()) {
			ends++
		}
		if i > 0 && !old.Status.InFlight() {
			p.bad(content(now.Job) != content(old.Job), "it was written after its end:\n%s\n%s", content(old.Job), content(now.Job))
			old = now
			continue
		}
		if h.checkWriter(&p, old, now) {
			own, began = now.Claims, now.ClaimedAt
		}
		h.checkParts(&p, old, now, own)
		if h.fanOut && now.Status.InFlight() {
			h.shared.check(&p, old, now, own)
		}
		old = now
	}
	p.bad(ends != 1, "it ended %d times", ends)
	if old.Status == jobs.Completed {
		took := old.FinishedAt.Sub(began)
		p.bad(old.Attempt == 1 && took < h.least, "it took %v, want at least %v", took, h.least)
		p.bad(len(h.sealed) != countParts(h.fanOut), "%d parts are sealed", len(h.sealed))
		key := fmt.Sprintf("%s/%s/%d.", old.Organization.ID, old.ID, old.Attempt)
		p.bad(!strings.HasPrefix(old.ObjectKey, key), "attempt %d has the archive %s", old.Attempt, old.ObjectKey)
	}
	return p
}

// checkWriter looks who has written, and reports whether that has claimed the job.
func (h *history) checkWriter(p *problems, old, now write) (claimed bool) {
	claimed = now.Attempt != old.Attempt
	p.bad(claimed && (now.Attempt != old.Attempt+1 || now.Status != jobs.Processing), "attempt %d is followed by %d", old.Attempt, now.Attempt)
	p.bad(!claimed && now.Status == jobs.Processing && now.LeaseOwner != old.LeaseOwner, "attempt %d is of two workers", now.Attempt)
	helps := now.Status == jobs.Processing && (helpsWith(old.Job, now.writer) || helpsWith(now.Job, now.writer))
	switch {
	case claimed:
		h.kept += len(now.Parts)
		p.bad(now.writer != now.LeaseOwner, "%s has claimed it for %s", now.writer, now.LeaseOwner)
		p.bad(old.Status == jobs.Processing && now.ClaimedAt.Before(old.LeaseUntil),
			"%s has claimed it at %v, and %s had it until %v", now.writer, now.ClaimedAt, old.LeaseOwner, old.LeaseUntil)
	case now.Status == jobs.Processing || now.Status == jobs.Completed && old.Status.InFlight():
		p.bad(old.Status != jobs.Processing || now.writer != old.LeaseOwner && !helps,
			"%s has written that it is %s when it was %s, of %q", now.writer, now.Status, old.Status, old.LeaseOwner)
	}
	return claimed
}

// checkParts looks which parts are new, and that none is gone. own is the number of the job's
// own worker.
func (h *history) checkParts(p *problems, old, now write, own int) {
	for _, part := range old.Parts {
		p.bad(!slices.Contains(now.Parts, part), "the part %v was dropped", part)
	}
	for _, part := range now.Parts {
		if slices.Contains(old.Parts, part) {
			continue
		}
		p.bad(now.Attempt != old.Attempt || workers(old.Job, own)[part.Attempt] != now.writer,
			"%s has the new part %v, of the workers %v", now.writer, part, workers(old.Job, own))
		_, again := h.sealed[nameOf(part.Section, part.Shard)]
		p.bad(again, "the part %v is there a second time", part)
		h.sealed[nameOf(part.Section, part.Shard)] = part.Attempt
	}
}

// nameOf names a shard of a section.
func nameOf(section string, shard int) string { return fmt.Sprint(section, " ", shard) }

// String tells who has worked on the job.
func (h *history) String() string {
	var attempts []string
	var old write
	for _, now := range h.writes {
		if now.Attempt != old.Attempt {
			attempts = append(attempts, fmt.Sprintf("%s by %s with %d parts", now.ClaimedAt.Format("04:05.000"), now.LeaseOwner, len(now.Parts)))
		}
		old = now
	}
	return strings.Join(attempts, ", ")
}

// content is a job without what is deleted once it has ended.
func content(job jobs.Job) string {
	job.Parts, job.PurgeAt = nil, time.Time{}
	text, err := json.Marshal(job)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// sameArchive compares an archive with the one that is made where nothing happens.
func sameArchive(t *testing.T, engine *export.Engine, job jobs.Job, name string) []string {
	t.Helper()
	format := archive.Zip()
	if job.Format == archive.TarGz().Name() {
		format = archive.TarGz()
	}
	got, err := os.ReadFile(name)
	if err != nil {
		return []string{err.Error()}
	}
	var problems []string
	report, err := verify.Verify(t.Context(), format, strings.NewReader(string(got)), verify.Options{})
	if err != nil || !report.Whole() {
		problems = append(problems, fmt.Sprintf("the archive is not whole: %v, %v", report.Findings, err))
	}
	want, err := engine.Export(t.Context(), export.Request{
		Organization: job.Organization, JobID: job.ID, AsOf: job.AsOf, Format: format,
	}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(got)
	for what, hash := range map[string]string{"it": hex.EncodeToString(sum[:]), "the job": hex.EncodeToString(job.SHA256)} {
		if hash != hex.EncodeToString(want.SHA256[:]) {
			problems = append(problems, fmt.Sprintf("%s has the SHA-256 %s, want %x as without chaos", what, hash, want.SHA256))
		}
	}
	if job.Size != want.Size || int64(len(got)) != want.Size {
		problems = append(problems, fmt.Sprintf("the archive has %d bytes, and %d by the job, want %d", len(got), job.Size, want.Size))
	}
	return problems
}

// checkRuns looks that no section was run again after it had been sealed. Of shards the
// workers have written which they run: see shared.
func (c *chaos) checkRuns(histories map[string]*history) {
	runs, err := readRuns(c.folder)
	if err != nil {
		c.t.Fatal(err)
	}
	type section struct{ job, key, shard string }
	seen := make(map[run]bool)
	again := make(map[section]bool)
	first := make(map[section]int)
	for _, r := range runs {
		if seen[r] {
			c.t.Errorf("the worker has run the section twice: %v", r)
		}
		seen[r] = true
		if h := histories[r.job]; h == nil {
			c.t.Errorf("no such job: %v", r)
		} else if sealed, ok := h.sealed[nameOf(r.section, 0)]; ok && !c.fanOut && r.worker > sealed {
			c.t.Errorf("attempt %d has sealed the section that was run again: %v", sealed, r)
		} else if c.fanOut && !h.shared.taken[take{r.section, r.shard, r.worker, r.owner}] {
			c.t.Errorf("the worker did not have what it has run: %v", r)
		}
		s := section{r.job, r.section, r.shard}
		if worker, ok := first[s]; ok && worker != r.worker {
			again[s] = true
		}
		first[s] = r.worker
	}
	kept, attempts := 0, 0
	for _, h := range histories {
		kept += h.kept
		attempts += h.writes[len(h.writes)-1].Attempt
	}
	c.t.Logf("%d takeovers of jobs, which kept %d parts; %d unfinished sections or shards were begun anew", attempts-len(histories), kept, len(again))
	if kept == 0 {
		c.t.Error("no takeover has found a finished section")
	}
}

// checkLog looks for what workers must not log.
func (c *chaos) checkLog() {
	text, err := os.ReadFile(filepath.Join(c.folder, logFile))
	if err != nil {
		c.t.Fatal(err)
	}
	for _, bad := range []string{"DATA RACE", "panic", "goroutine "} {
		if i := strings.Index(string(text), bad); i >= 0 {
			c.t.Errorf("a worker has logged\n%.5000s", text[i:])
		}
	}
}

// files are the paths of all files in a folder.
func files(t *testing.T, folder string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(folder, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err = filepath.Rel(folder, name)
		found = append(found, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// fatal ends the test, and says how it stands.
func (c *chaos) fatal(format string, args ...any) {
	c.t.Helper()
	var rows []string
	err := c.requests.store.DB().NewRaw(`SELECT concat_ws(' ', id, organization_id, format, status, 'attempt', attempt, 'failures', failures,
		'of', lease_owner, 'until', lease_until, 'shards', shards, 'helpers', helpers, 'parts', parts, 'key', object_key, 'purge', purge_at) FROM orgexport_jobs
		WHERE NOT (status = 'completed' AND purge_at = expires_at) ORDER BY created_at`).Scan(c.t.Context(), &rows)
	if err != nil {
		c.t.Errorf("the jobs cannot be read: %v", err)
	}
	c.t.Logf("jobs that are not done:\n%s", strings.Join(rows, "\n"))
	if text, err := os.ReadFile(filepath.Join(c.folder, logFile)); err == nil {
		c.t.Logf("log:\n%s", text[max(0, len(text)-20_000):])
	}
	c.t.Fatalf(format, args...)
}
