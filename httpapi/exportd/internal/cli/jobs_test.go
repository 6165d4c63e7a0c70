//go:build unix

package cli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/stdlib"

	"github.com/orgexport/orgexport/export"
)

// operator runs a command of an operator, such as jobs list.
func (d jobsDatabase) operator(t *testing.T, dir, group, verb string, args ...string) outcome {
	t.Helper()
	return finish(t, d.command(t, dir, append([]string{group, verb, "--config", "exportd.yaml"}, args...)...))
}

// jobShown is a job as jobs list --json and jobs show --json have it.
type jobShown struct {
	ID           string     `json:"job_id"`
	Organization string     `json:"organization_id"`
	Format       string     `json:"archive_format"`
	Requester    string     `json:"requester"`
	RequestedAt  time.Time  `json:"requested_at"`
	FinishedAt   *time.Time `json:"finished_at"`
	LeaseUntil   *time.Time `json:"lease_until"`
	RetryOf      string     `json:"retry_of"`
	Filename     string     `json:"output_filename"`
	Size         int64      `json:"file_size_bytes"`
	ObjectKey    string     `json:"object_key"`
	Deleted      *time.Time `json:"archive_deleted_at"`

	Status, Worker, Error, SHA256 string

	Cancelled bool
	Attempt   int
	Sections  []struct{ Key, Status string }
}

// sectionsText are the sections and their statuses.
func (j jobShown) sectionsText() string {
	var all []string
	for _, s := range j.Sections {
		all = append(all, s.Key+" "+s.Status)
	}
	return strings.Join(all, ", ")
}

// listedJobs are the jobs of jobs list --json.
func (d jobsDatabase) listedJobs(t *testing.T, dir string, flags ...string) (all []jobShown) {
	t.Helper()
	o := d.operator(t, dir, "jobs", "list", append(flags, "--json")...)
	o.want(t, 0)
	for line := range strings.Lines(o.stdout) {
		var j jobShown
		if err := json.Unmarshal([]byte(line), &j); err != nil {
			t.Fatalf("%v\n%s", err, line)
		}
		all = append(all, j)
	}
	return all
}

// shownJob is a job of jobs show --json.
func (d jobsDatabase) shownJob(t *testing.T, dir, id string) (j jobShown) {
	t.Helper()
	o := d.operator(t, dir, "jobs", "show", "--json", id)
	o.want(t, 0)
	if err := json.Unmarshal([]byte(o.stdout), &j); err != nil {
		t.Fatalf("%v\n%s", err, o.stdout)
	}
	return j
}

// cancellations are the jobs whose workers PostgreSQL tells that they are cancelled.
func (d jobsDatabase) cancellations(t *testing.T) <-chan string {
	t.Helper()
	db := d.open(t)
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), "LISTEN orgexport_cancelled"); err != nil {
		t.Fatal(err)
	}
	told := make(chan string, 1)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	go func() {
		defer close(told)
		_ = conn.Raw(func(c any) error { // nothing comes if it fails
			n, err := c.(*stdlib.Conn).Conn().WaitForNotification(ctx)
			if err == nil {
				told <- n.Payload
			}
			return err
		})
	}()
	t.Cleanup(func() {
		stop()
		<-told
		_ = conn.Close() // it was only read, as was the other
		_ = db.Close()
	})
	return told
}

// TestJobs lists, shows, cancels and purges jobs of a server that runs.
func TestJobs(t *testing.T) {
	t.Parallel()
	eachJobs(t, func(t *testing.T, d jobsDatabase) {
		dir := gatedShop(t)
		s := d.serve(t, dir)
		key := d.newKey(t, dir, "--organization", acme)
		if o := d.operator(t, dir, "jobs", "list"); o.status != 0 || strings.Count(o.stdout, "\n") != 1 {
			t.Errorf("without a job the list is %+v", o)
		}
		running := s.request(t, key)
		s.until(t, key, running, "at the gate", sealed)
		cancelRunning(t, d, dir, s, key, running)

		openGate(t, dir)
		done := s.until(t, key, s.request(t, key), "ended", ended)
		s.download(t, done)
		both := d.listedJobs(t, dir)
		if len(both) != 2 || both[0].ID != done.JobID || both[1].ID != running {
			t.Errorf("jobs are %+v", both)
		}
		for _, c := range []struct {
			flags string
			want  []string
		}{
			{"--limit 1", []string{done.JobID}},
			{"--status completed", []string{done.JobID}},
			{"--status failed --status processing --organization " + acme, []string{running}},
			{"--status failed,completed", []string{done.JobID, running}},
			{"--status pending", nil},
			{"--organization " + empty, nil},
		} {
			var got []string
			for _, j := range d.listedJobs(t, dir, strings.Fields(c.flags)...) {
				got = append(got, j.ID)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s: jobs are %v, want %v", c.flags, got, c.want)
			}
		}
		outputs := purgeCompleted(t, d, dir, s, key, done)
		outputs += listAudit(t, d, dir, running, done.JobID)
		for _, secret := range append(secretsOf(t, dir, done.Download), key, d.secret) {
			if secret != "" && strings.Contains(outputs, secret) {
				t.Errorf("%q is in\n%s", secret, outputs)
			}
		}
		s.stop(t, append(secretsOf(t, dir, done.Download), key, d.secret)...)
	})
}

// cancelRunning shows a job that runs, and cancels it.
func cancelRunning(t *testing.T, d jobsDatabase, dir string, s *serving, key, id string) {
	t.Helper()
	j := d.shownJob(t, dir, id)
	if j.ID != id || j.Organization != acme || j.Status != "processing" || j.Format != "zip" || j.Attempt != 1 || j.Worker == "" ||
		j.LeaseUntil == nil || j.FinishedAt != nil || !strings.HasPrefix(j.Requester, "key:") || time.Since(j.RequestedAt) > time.Hour {
		t.Errorf("the job is shown as %+v", j)
	}
	if got := j.sectionsText(); got != "organization ok, products ok, gate running" && got != "organization ok, products ok, gate waiting" {
		t.Errorf("its sections are %s", got)
	}
	if all := d.listedJobs(t, dir); len(all) != 1 || all[0].ID != id || all[0].sectionsText() == "" {
		t.Errorf("jobs are %+v", all)
	}
	o := d.operator(t, dir, "jobs", "list")
	lines := strings.Split(o.stdout, "\n")
	if len(lines) != 3 || strings.Join(strings.Fields(lines[0]), " ") != "JOB STATUS TIME SECTIONS FAILED ORGANIZATION REQUESTED SIZE FORMAT ATTEMPT" ||
		!strings.HasPrefix(lines[1], id+"  processing  ") || !strings.Contains(lines[1], "  2/3       -       "+acme+"  20") || !strings.HasSuffix(lines[1], "Z  -     zip     1") {
		t.Errorf("jobs are\n%s", o.stdout)
	}
	o = d.operator(t, dir, "jobs", "show", id)
	for _, text := range []string{"\nstatus        processing\n", "\nworker        " + j.Worker + "\n", "\nlease until   20", "  (in ", "\norganization  ok       1        0  "} {
		if !strings.Contains(o.stdout, text) {
			t.Errorf("%q is not in\n%s", text, o.stdout)
		}
	}

	d.operator(t, dir, "jobs", "purge", id).want(t, 1, "exportd: job "+id+" has not ended (processing); exportd jobs cancel ends it\n")
	var told <-chan string
	if d.driver == "pgx" {
		told = d.cancellations(t)
	}
	o = d.operator(t, dir, "jobs", "cancel", "none", id)
	if o.want(t, 1, `exportd: there is no job with the id "none"`+"\n"); o.stdout != id+"  organization "+acme+": cancelled\n" || strings.Count(o.stderr, "\n") != 1 {
		t.Errorf("cancel says\n%s%s", o.stdout, o.stderr)
	}
	if d.driver == "pgx" {
		if got := <-told; got != id {
			t.Errorf("workers are told that job %q is cancelled", got)
		}
	}
	if a := s.ask(t, key, http.MethodGet, acme, "/"+id); a.Status != "failed" || a.Error != "The export was cancelled." {
		t.Errorf("the job is %+v", a)
	}
	eventually(t, "given up by its worker", func() bool {
		return strings.Contains(s.log.String(), `msg="work on the job ended"`)
	})
	if j := d.shownJob(t, dir, id); j.Status != "failed" || !j.Cancelled || j.FinishedAt == nil || j.Worker != "" || !strings.HasSuffix(j.sectionsText(), "gate unfinished") {
		t.Errorf("the cancelled job is shown as %+v", j)
	}
	d.operator(t, dir, "jobs", "cancel", id).want(t, 1, "exportd: job "+id+" has ended (failed); exportd jobs purge deletes what is kept of it\n")
}

// purgeCompleted shows a job that is completed, and purges it.
func purgeCompleted(t *testing.T, d jobsDatabase, dir string, s *serving, key string, done answer) (outputs string) {
	t.Helper()
	id := done.JobID
	j := d.shownJob(t, dir, id)
	if j.Status != "completed" || j.Size != done.Size || j.Filename != done.Filename || len(j.SHA256) != 64 || !strings.Contains(j.ObjectKey, id) ||
		j.Deleted == nil || j.sectionsText() != "organization ok, products ok, gate ok" {
		t.Errorf("the job is shown as %+v", j)
	}
	d.operator(t, dir, "jobs", "cancel", id).want(t, 1, "exportd: job "+id+" has ended (completed); exportd jobs purge deletes what is kept of it\n")
	get(t, done.Download, http.StatusOK)
	outputs = d.operator(t, dir, "jobs", "show", id).stdout + d.operator(t, dir, "jobs", "list", "--json").stdout
	if !strings.Contains(outputs, fmt.Sprintf("size           %d bytes (", done.Size)) || !strings.Contains(outputs, "\narchive until  20") {
		t.Errorf("it is shown as\n%s", outputs)
	}
	if o := d.operator(t, dir, "jobs", "purge", id); o.status != 0 || o.stdout != id+"  organization "+acme+": purged\n" {
		t.Errorf("purge gives %+v", o)
	}
	if a := s.ask(t, key, http.MethodGet, acme, "/"+id); a.Status != "completed" || a.Download != "" {
		t.Errorf("the purged job is %+v", a)
	}
	get(t, done.Download, http.StatusNotFound)
	if o := d.operator(t, dir, "jobs", "purge", id); o.status != 0 || o.stdout != id+"  organization "+acme+": has no archive\n" {
		t.Errorf("purge gives %+v", o)
	}
	if o := d.operator(t, dir, "jobs", "show", id); o.status != 0 || !strings.Contains(o.stdout, "\narchive       deleted\n") {
		t.Errorf("it is shown as %+v", o)
	}
	return outputs
}

// TestJobsOddValues has a row with all that a job may have, and with what moves something on a
// terminal. Nobody works on it.
func TestJobsOddValues(t *testing.T) {
	t.Parallel()
	eachJobs(t, func(t *testing.T, d jobsDatabase) {
		dir := gatedShop(t)
		s := d.serve(t, dir)
		id := s.request(t, d.newKey(t, dir, "--organization", acme))
		eventually(t, "begun", func() bool { return strings.Contains(s.log.String(), `msg="job started"`) })
		s.stop(t)
		const odd = `a\u001b[2J\tb`
		d.exec(t, "UPDATE orgexport_jobs SET requester = 'a\x1b[2J\tb', format = 'z\u009b\u202e\U000e0001\u007f<é', lease_owner = 'node\x1b', organization_name = 'A\x07cme', status = 'processing', suspect = 1, failures = 2, retry_of = '"+acme+"', "+
			`helpers = '[{"worker": 2, "node": "`+odd+`", "lease_until": 4102444800000}]', attempt = 3, worker = 1, `+
			`parts = '[{"job_id": "j", "section": "products", "shard": 1, "attempt": 2}]', `+
			`shards = '[{"section": "products", "number": 0, "range": "sekret", "worker": 1, "lost": 1}, {"section": "products", "number": 1, "worker": 2, "records": 7}, {"section": "gate", "local": true}]', `+
			`progress = '[{"key": "products", "record_count": 1234, "bytes": 2048, "done": 3, "total": 9}]', `+
			`results = '[{"key": "organization", "status": "error", "record_count": 0, "error": "`+odd+`"}]' WHERE id = '`+id+"'")
		o := d.operator(t, dir, "jobs", "show", id)
		o.want(t, 0)
		for _, text := range []string{
			`by            "a\x1b[2J\tb"` + "\n", `format        "z\u009b\u202e\U000e0001\x7f<é"` + "\n", `worker        "node\x1b"` + "\n", `name          "A\acme"` + "\n", "\nretry of      " + acme + "\n",
			"\nattempt       3, 2 failed, its worker was lost once\n",
			`organization  error    0        0         -        -       "a\x1b[2J\tb"` + "\n", "products      running  1234     0         2.0 KiB  3 of 9  -\n", "gate          waiting  0 ",
			"\nHELPER  NODE           LEASE UNTIL\n" + `2       "a\x1b[2J\tb"  2100-01-01 00:00:00Z` + "\n",
			"\nproducts/0  running                   1       1     0        0\nproducts/1  sealed                    2       0     7        0\ngate/0      waiting, not for helpers  -       0     0        0\n",
		} {
			if !strings.Contains(o.stdout, text) {
				t.Errorf("%q is not in\n%s", text, o.stdout)
			}
		}
		list := d.operator(t, dir, "jobs", "list")
		if !strings.Contains(list.stdout, "  1/3       1       ") {
			t.Errorf("jobs are\n%s", list.stdout)
		}
		if j := d.shownJob(t, dir, id); j.Format != "z\u009b\u202e\U000e0001\u007f<é" || j.Requester != "a\x1b[2J\tb" {
			t.Errorf("the job is shown as %+v", j)
		}
		all := o.stdout + list.stdout + d.operator(t, dir, "jobs", "show", "--json", id).stdout + d.operator(t, dir, "jobs", "list", "--json").stdout
		if strings.ContainsAny(all, "\x1b\x07\t\x7f\u009b\u202e\U000e0001") || strings.Contains(all, "sekret") {
			t.Errorf("what is not to be seen is in\n%q", all)
		}
	})
}

// TestListsIntoClosedPipe: who reads no more of a list gets no complaint.
func TestListsIntoClosedPipe(t *testing.T) {
	t.Parallel()
	d, dir := inSQLite(t), shop(t, organizationSection)
	s := d.serve(t, dir)
	key := d.newKey(t, dir, "--organization", acme)
	id := s.until(t, key, s.request(t, key), "ended", ended).JobID
	d.newSession(t, dir, "zoe")
	for _, args := range []string{
		"jobs list", "jobs list --json", "jobs show " + id, "jobs show --json " + id, "audit list", "audit list --json", "sessions list --user zoe", "keys list --json --organization " + acme,
	} {
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := read.Close(); err != nil {
			t.Fatal(err)
		}
		c := d.command(t, dir, append(strings.Fields(args), "--config", "exportd.yaml")...)
		c.Stdout = write
		o := finish(t, c)
		if err := write.Close(); err != nil {
			t.Fatal(err)
		}
		if o.status != 0 || o.stderr != "" {
			t.Errorf("%s: status %d, it says %q", args, o.status, o.stderr)
		}
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	for _, args := range []string{"jobs list", "jobs list --json", "audit list --json"} {
		c := d.command(t, dir, append(strings.Fields(args), "--config", "exportd.yaml")...)
		c.Stdout = full
		finish(t, c).want(t, 1, "no space left on device")
	}
	s.stop(t)
}

// TestJobsOnNarrowTerminal: a line of the list is one of the terminal.
func TestJobsOnNarrowTerminal(t *testing.T) {
	t.Parallel()
	d, dir := inSQLite(t), shop(t, organizationSection)
	s := d.serve(t, dir)
	key := d.newKey(t, dir, "--organization", acme)
	id := s.until(t, key, s.request(t, key), "ended", ended).JobID
	s.stop(t)
	wide := d.operator(t, dir, "jobs", "list").stdout
	for _, columns := range []int{40, 82, 200} {
		out := onTerminalOf(t, dir, columns, d.command(t, dir, "jobs", "list", "--config", "exportd.yaml"))
		lines := strings.Split(out, "\n")
		if len(lines) != 4 || lines[2] != "status 0" || !strings.HasPrefix(lines[1], id+"  completed") {
			t.Fatalf("%d columns: the terminal shows\n%s", columns, out)
		}
		for _, line := range lines {
			if n := len([]rune(line)); n > columns {
				t.Errorf("%d columns: a line has %d\n%s", columns, n, out)
			}
		}
		if fits := columns == 200; fits != strings.HasPrefix(out, wide) || fits == strings.Contains(out, "…") {
			t.Errorf("%d columns: the terminal shows\n%s", columns, out)
		}
		if columns == 82 && !strings.Contains(lines[1], acme) {
			t.Errorf("the organization is not in\n%s", out)
		}
	}
}

func TestJobsWrongUsage(t *testing.T) {
	t.Parallel()
	dir := shop(t, organizationSection)
	none := export.NewID()
	for args, c := range map[string]struct {
		status int
		want   string
	}{
		"jobs":                                   {2, "say which: exportd jobs list, show, cancel or purge"},
		"jobs lst":                               {2, `unknown command "lst" for "exportd jobs"; did you mean "list"?`},
		"jobs list more":                         {2, `"more" is an argument too many: exportd jobs list [--organization ID] [flags]`},
		"jobs list --status done":                {2, `--status "done" is none of pending, processing, completed, failed`},
		"jobs list --limit 0":                    {2, "--limit is less than 1"},
		"jobs list --limit many":                 {2, `invalid argument "many" for "--limit" flag: strconv.ParseInt: parsing "many": invalid syntax`},
		"jobs list --organization acme":          {2, `--organization "acme" is not an id of 22 characters, nor a UUID or a number`},
		"jobs list --config none":                {2, "open none: no such file or directory"},
		"jobs show":                              {2, "JOB_ID is missing: exportd jobs show JOB_ID [flags]"},
		"jobs show a b":                          {2, `"b" is an argument too many: exportd jobs show JOB_ID [flags]`},
		"jobs cancel":                            {2, "JOB_ID is missing: exportd jobs cancel JOB_ID … [flags]"},
		"jobs purge":                             {2, "JOB_ID is missing: exportd jobs purge JOB_ID … [flags]"},
		"jobs cancel " + none + " --config none": {2, "open none: no such file or directory"},
		"jobs cancel " + none:                    {1, "there is no folder exportd-data/archives"},
		"audit":                                  {2, "say which: exportd audit list"},
		"audit list more":                        {2, `"more" is an argument too many: exportd audit list [--organization ID] [flags]`},
		"audit list --limit -1":                  {2, "--limit is less than 1"},
		"audit list --since yesterday":           {2, `invalid argument "yesterday" for "--since" flag: want a duration such as 90s, 15m, 1h30m, 7d or 2w`},
		"audit list --since -1h":                 {2, "--since is negative"},
		"audit list --organization acme":         {2, `--organization "acme" is not an id of 22 characters, nor a UUID or a number`},
	} {
		t.Run(args, func(t *testing.T) {
			o := finish(t, command(t, dir, strings.Fields(args)...))
			if o.want(t, c.status, "exportd: "+c.want); o.stdout != "" || strings.Count(o.stderr, "\n") != 1 {
				t.Errorf("it says\n%s%s", o.stdout, o.stderr)
			}
		})
	}
	nothingLeft(t, dir)
	finish(t, command(t, dir, "jobs", "show", none)).want(t, 1, `exportd: there is no job with the id "`+none+`"`+"\n")
	finish(t, command(t, dir, "jobs", "show", "")).want(t, 1, `exportd: there is no job with the id ""`+"\n")
}
