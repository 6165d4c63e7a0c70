package postgres_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/internal/pgtest"
	"github.com/orgexport/orgexport/sections"
	"github.com/orgexport/orgexport/sections/postgres"
)

// slowRows takes a second or so, and sends rows all the time.
const slowRows = "SELECT i AS id, repeat('x', 2000) AS text, pg_sleep(0.002)::text AS slept FROM generate_series(1, 500) i ORDER BY i"

// exported exports the rows of a query. disturb is called once, when some of them were read.
func exported(t *testing.T, s *postgres.Source, query string, disturb func()) (result export.SectionResult, faults []export.Fault) {
	t.Helper()
	section, err := sections.NewSQL(sections.SQL{
		Key: "rows", Source: s, Dialect: sections.Postgres,
		Files: []sections.RecordFile{{File: "rows.csv", SQL: query, Shared: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	e, err := export.New(export.Config{Sections: []export.Section{section}, RerunDelay: time.Millisecond, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	got, err := e.Export(t.Context(), export.Request{
		Organization: export.Organization{ID: "aQUEktNMu3Fe65ax6FSWEb"},
		JobID:        "bQUEktNMu3Fe65ax6FSWEb",
		AsOf:         time.Unix(1e9, 0),
		Format:       archive.Zip(),
		Rerun:        func(_ context.Context, _ string, fault export.Fault) { faults = append(faults, fault) },
		Observe: func(e export.Event) {
			if e.Kind == export.SectionAdvanced && e.Bytes > 10_000 {
				once.Do(disturb)
			}
		},
	}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return got.Sections[0], faults
}

// While a query runs, the server is restarted as far as its client can tell, or the query is
// cancelled, as statement_timeout does.
func TestLostConnectionInMidExport(t *testing.T) {
	address := pgtest.Database(t)
	for _, c := range []struct {
		call   string
		want   export.SectionResult
		faults string
	}{
		{"pg_terminate_backend", export.SectionResult{Key: "rows", Status: "ok", Records: 500}, "[connection]"},
		{"pg_cancel_backend", export.SectionResult{Key: "rows", Status: "partial", Error: "The data could not be read: the database stopped the query, as it does when one takes too long."}, "[]"},
	} {
		t.Run(c.call, func(t *testing.T) {
			s := opened(t, address, "exporting")
			result, faults := exported(t, s, slowRows, func() {
				exec(t, address, "SELECT "+c.call+"(pid) FROM pg_stat_activity WHERE application_name = 'exporting'")
			})
			if c.want.Status == "partial" && result.Records > 0 && result.Records < 500 {
				c.want.Records = result.Records
			}
			if result != c.want || fmt.Sprint(faults) != c.faults {
				t.Errorf("got %+v after the faults %v, want %+v after %s", result, faults, c.want, c.faults)
			}
		})
	}
}

// A server that cannot be reached is a fault of the machine; one that knows no such database
// is none.
func TestUnreachableServer(t *testing.T) {
	const nobody = "postgres://app:secret@127.0.0.1:1/app?connect_timeout=1"
	result, faults := exported(t, opened(t, nobody, ""), "SELECT 1 AS a", nil)
	if result.Status != export.StatusError || strings.Contains(result.Error, "127.0.0.1") || fmt.Sprint(faults) != "[connection connection connection]" {
		t.Errorf("%+v after the faults %v", result, faults)
	}
	address, err := url.Parse(pgtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	address.Path += "_none"
	result, faults = exported(t, opened(t, address.String(), ""), "SELECT 1 AS a", nil)
	if result.Status != export.StatusError || len(faults) > 0 {
		t.Errorf("%+v after the faults %v", result, faults)
	}
}
