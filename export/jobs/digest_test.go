package jobs_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/archive/archivetest"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

// reconfigured is another process of the world of n, with a changed configuration of the
// engine.
func (n *node) reconfigured(t *testing.T, change func(*export.Config), sections ...export.Section) *node {
	t.Helper()
	return newNode(t, func(c *jobs.Config) {
		c.Store, c.Destination = n.store, n.dest
		c.Engine = engine(t, func(c *export.Config) {
			c.Spool = n.spool
			change(c)
		}, sections...)
	}, sections...)
}

// prices is a section with text that a spreadsheet may take for a formula.
func prices(ran *atomic.Int64) export.Section {
	return writes("prices", func(sink export.Sink) error {
		ran.Add(1)
		return sink.Records("prices.csv", func(yield func(any, error) bool) { yield(row("price", "=1"), nil) })
	})
}

func TestRetryAfterAChangeOfConfiguration(t *testing.T) {
	for _, c := range []struct {
		name string
		runs int64 // of the section that was ok
		want string
		to   func(*export.Config)
	}{
		{"unchanged", 1, "price\r\n'=1\r\n", func(*export.Config) {}},
		{"csv without its guard", 2, "price\r\n=1\r\n", func(c *export.Config) { c.RawCSV = true }},
		{"csv with line feeds", 2, "price\n'=1\n", func(c *export.Config) { c.CSV.LineFeed = true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var ran atomic.Int64
				bad := writes("bad", func(export.Sink) error { return closedError{} })
				n := newNode(t, nil, prices(&ran), bad)
				first := n.create(t, jobs.Request{})
				n.work(t)
				n = n.reconfigured(t, c.to, prices(&ran), bad)
				retry := n.create(t, jobs.Request{RetryOf: first.ID})
				n.work(t)
				got := ""
				for name, content := range archivetest.Unpack(t, "zip", n.archive(t, n.get(t, retry))) {
					if strings.HasSuffix(name, "/prices.csv") {
						got = content
					}
				}
				if ran.Load() != c.runs || got != c.want {
					t.Errorf("the section ran %d times and wrote %q, want %d and %q", ran.Load(), got, c.runs, c.want)
				}
			})
		})
	}
}

// A worker whose process was killed left a part. The one that takes over was started with
// another configuration.
func TestTakeoverAfterAChangeOfConfiguration(t *testing.T) {
	for _, c := range []struct {
		name   string
		prefix string
		runs   int64
	}{
		{"unchanged", "export", 1},
		{"prefix", "closient-export", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var ran atomic.Int64
				n := newNode(t, nil, counted("a", &ran), fine("b"))
				job := n.create(t, jobs.Request{})
				n.seal(t, job, 1, "a")
				n2 := n.reconfigured(t, func(e *export.Config) { e.Prefix = c.prefix }, counted("a", &ran), fine("b"))
				time.Sleep(time.Minute)
				for _, task := range n.Take() {
					if err := n2.Work(t.Context(), task); err != nil {
						t.Fatal(err)
					}
				}
				for name := range archivetest.Unpack(t, "zip", n2.archive(t, n2.get(t, job))) {
					if !strings.HasPrefix(name, c.prefix+"-acme-foods-") {
						t.Errorf("the archive has %s", name)
					}
				}
				if ran.Load() != c.runs {
					t.Errorf("the section ran %d times, want %d", ran.Load(), c.runs)
				}
			})
		})
	}
}
