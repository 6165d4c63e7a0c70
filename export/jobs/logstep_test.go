package jobs_test

import (
	"bytes"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export/jobs"
)

// TestLifeOfAJobInTheLog has jobs that are completed, fail and are cancelled: each is told of
// once when it is requested, when it starts and when it ends, and after how long.
func TestLifeOfAJobInTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		n := newNode(t, func(c *jobs.Config) {
			c.Logger = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
					return slog.Attr{}
				}
				return a
			}}))
		}, slow("a", time.Minute))
		want := func(lines ...string) {
			t.Helper()
			var got []string
			for line := range strings.Lines(out.String()) {
				got = append(got, regexp.MustCompile(` (job|organization)=\S+`).ReplaceAllString(strings.TrimSpace(line), ""))
			}
			if strings.Join(got, "\n") != strings.Join(lines, "\n") {
				t.Errorf("the log has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(lines, "\n"))
			}
			out.Reset()
		}
		job := n.create(t, jobs.Request{})
		time.Sleep(2 * time.Second)
		n.work(t)
		want(`msg="job requested" attempt=0 format=zip sections=1`, `msg="job started" attempt=1 waited=2s`,
			`msg="job ended" attempt=1 status=completed duration=1m2s bytes=`+strconv.FormatInt(n.get(t, job).Size, 10))
		job = n.create(t, jobs.Request{})
		n.Take()
		time.Sleep(3 * time.Second)
		if _, err := n.Delete(t.Context(), acme.ID, job.ID); err != nil {
			t.Fatal(err)
		}
		want(`msg="job requested" attempt=0 format=zip sections=1`, `msg="job ended" attempt=0 status=cancelled duration=3s`)
		n.create(t, jobs.Request{OrganizationID: "HuqrpKVEE3nsDUnGsHMGWe"})
		n.work(t)
		want(`msg="job requested" attempt=0 format=zip sections=1`, `msg="job started" attempt=1 waited=0s`,
			`msg="job failed" attempt=1 error="jobs: organization: export: not found: organization HuqrpKVEE3nsDUnGsHMGWe"`,
			`msg="job ended" attempt=1 status=failed duration=0s failures=0`)
	})
}
