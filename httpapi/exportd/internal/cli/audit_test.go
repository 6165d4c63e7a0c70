//go:build unix

package cli_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
)

// entryShown is an entry as audit list --json has it.
type entryShown struct {
	At           time.Time `json:"at"`
	Organization string    `json:"organization_id"`
	JobID        string    `json:"job_id"`

	Action, Actor, Object, Address string

	Bytes    int64
	Complete bool
}

// listedEntries are the entries of audit list --json.
func (d jobsDatabase) listedEntries(t *testing.T, dir string, flags ...string) (all []entryShown) {
	t.Helper()
	o := d.operator(t, dir, "audit", "list", append(flags, "--json")...)
	o.want(t, 0)
	for line := range strings.Lines(o.stdout) {
		var e entryShown
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v\n%s", err, line)
		}
		all = append(all, e)
	}
	return all
}

// listAudit lists what was done to a job that was cancelled, and to one that was made, downloaded
// and purged.
func listAudit(t *testing.T, d jobsDatabase, dir, cancelled, purged string) (output string) {
	t.Helper()
	actions := func(flags ...string) (all []string) {
		for _, e := range d.listedEntries(t, dir, flags...) {
			all = append(all, e.Action)
		}
		return all
	}
	if got := actions("--job", cancelled); !slices.Equal(got, []string{"export.cancelled", "export.requested"}) {
		t.Errorf("what was done to the cancelled job is %v", got)
	}
	got := actions("--job", purged, "--organization", acme, "--since", "1d")
	for _, action := range []string{"export.purged", "export.downloaded", "export.linked", "export.requested"} {
		if !slices.Contains(got, action) {
			t.Errorf("%s is not what was done to the purged job: %v", action, got)
		}
	}
	all := d.listedEntries(t, dir)
	if !slices.IsSortedFunc(all, func(a, b entryShown) int { return b.At.Compare(a.At) }) || len(all) < 6 {
		t.Errorf("entries are %+v", all)
	}
	if e := all[0]; e.Action != "export.purged" || !strings.HasPrefix(e.Actor, "operator") || e.JobID != purged || e.Organization != acme {
		t.Errorf("the newest entry is %+v", e)
	}
	if e := all[len(all)-1]; e.Action != "key.created" || len(e.Object) != 22 {
		t.Errorf("the oldest entry is %+v", e)
	}
	if e := d.listedEntries(t, dir, "--limit", "2"); len(e) != 2 || e[1] != all[1] {
		t.Errorf("the first two are %+v", e)
	}
	for _, flags := range [][]string{{"--organization", empty}, {"--job", export.NewID()}, {"--job", purged, "--organization", empty}} {
		if e := d.listedEntries(t, dir, flags...); len(e) != 0 {
			t.Errorf("%v: entries are %+v", flags, e)
		}
	}
	d.exec(t, "UPDATE orgexport_audit SET at = at - 7200000 WHERE job_id = '"+cancelled+"'")
	if e := d.listedEntries(t, dir, "--since", "1h", "--job", cancelled); len(e) != 0 {
		t.Errorf("entries of the last hour are %+v", e)
	}
	o := d.operator(t, dir, "audit", "list")
	o.want(t, 0)
	lines := strings.Split(o.stdout, "\n")
	if strings.Join(strings.Fields(lines[0]), " ") != "TIME WHO ACTION ORGANIZATION OBJECT ADDRESS" || len(lines) != len(all)+2 ||
		!strings.Contains(lines[1], "  operator") || !strings.Contains(lines[1], "  export.purged      "+acme+"  "+purged+"  -") || !strings.Contains(o.stdout, "  127.0.0.1\n") {
		t.Errorf("entries are\n%s", o.stdout)
	}
	return o.stdout + d.operator(t, dir, "audit", "list", "--json").stdout
}

// TestAuditOddValues: what clients send moves nothing on a terminal.
func TestAuditOddValues(t *testing.T) {
	t.Parallel()
	d, dir := inSQLite(t), shop(t, organizationSection)
	d.operator(t, dir, "members", "add", "--organization", acme, "--user", "a\x1b[2J\tb").want(t, 0)
	o := d.operator(t, dir, "audit", "list")
	if o.want(t, 0); !strings.Contains(o.stdout, `member.put  `+acme+`  "a\x1b[2J\tb"  -`+"\n") || strings.Contains(o.stdout, "\x1b") {
		t.Errorf("entries are %q", o.stdout)
	}
}
