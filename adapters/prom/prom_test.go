package prom_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/orgexport/orgexport/adapters/prom"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/exporttest"
	"github.com/orgexport/orgexport/export/faulttest"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
)

const (
	acme  = "H9cNmGXLEc8NWcZzSThA9S"
	other = "H9cNmGXLEc8NWcZzSThA9T"
	noOrg = "H9cNmGXLEc8NWcZzSThA9U"
)

// section is a Section made of a function.
type section struct {
	key string
	run func(ctx context.Context, sink export.Sink) error
}

func (s section) Key() string { return s.key }
func (s section) Export(ctx context.Context, _ export.Scope, sink export.Sink) error {
	return s.run(ctx, sink)
}

// world is a service and its metrics.
type world struct {
	*jobs.Service
	jobstest.MemDispatcher
	metrics *prom.Metrics
	store   *jobstest.MemStore
	kept    *jobstest.MemDestination
	faults  *faulttest.Faults
	blocked chan struct{} // the section "slow" has begun
	server  *httptest.Server
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{store: new(jobstest.MemStore), kept: new(jobstest.MemDestination), faults: faulttest.New(), blocked: make(chan struct{}, 1)}
	logger := slog.New(slog.DiscardHandler)
	engine, err := export.New(export.Config{
		Sections: []export.Section{
			section{"good", func(_ context.Context, sink export.Sink) error {
				return errors.Join(sink.Record("a.yaml", map[string]string{"a": "b"}), sink.Binary("a.bin", strings.NewReader("binary")))
			}},
			section{"bad", func(context.Context, export.Sink) error { return errors.New("postgres://secret") }},
			section{"slow", func(ctx context.Context, _ export.Sink) error {
				w.blocked <- struct{}{}
				<-ctx.Done()
				return ctx.Err()
			}},
		},
		Spool: new(exporttest.MemSpool), Scratch: t.TempDir(), Logger: logger,
	})
	if err != nil {
		t.Fatal(err)
	}
	if w.metrics, err = prom.New(prom.Config{Store: w.store, Engine: engine, Logger: logger}); err != nil {
		t.Fatal(err)
	}
	w.Service, err = jobs.New(jobs.Config{
		Engine: engine, Store: w.store, Dispatcher: &w.MemDispatcher, Destination: w.faults.Destination(w.kept),
		Signer: new(jobstest.MemSigner), Logger: logger, Heartbeat: 10 * time.Millisecond,
		Organizations: jobstest.MemOrganizations{acme: {ID: acme, Slug: "acme"}, other: {ID: other, Slug: "other"}},
		Observers:     []jobs.Observer{w.metrics.Observer()},
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", w.metrics.Handler())
	w.server = httptest.NewServer(mux)
	t.Cleanup(w.server.Close)
	return w
}

func (w *world) create(t *testing.T, organization string, sections ...string) jobs.Job {
	t.Helper()
	job, _, err := w.Create(t.Context(), jobs.Request{OrganizationID: organization, Sections: sections})
	if err != nil {
		t.Fatal(err)
	}
	return job
}

// work does the tasks that were dispatched; meanwhile is done once the section
// "slow" has begun.
func (w *world) work(t *testing.T, meanwhile func()) {
	t.Helper()
	for _, task := range w.Take() {
		done := make(chan error, 1)
		go func() { done <- w.Work(t.Context(), task) }()
		if meanwhile != nil {
			<-w.blocked
			meanwhile()
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}

// exports runs exports that end in each way.
func (w *world) exports(t *testing.T) {
	t.Helper()
	done := w.create(t, acme, "good", "bad")
	w.work(t, nil)
	if _, err := w.Delete(t.Context(), acme, done.ID); err != nil { // purge
		t.Fatal(err)
	}
	w.create(t, noOrg, "good") // fails
	w.work(t, nil)

	cancelled := w.create(t, acme, "slow")
	w.work(t, func() {
		if _, err := w.Delete(t.Context(), acme, cancelled.ID); err != nil {
			t.Error(err)
		}
	})
	w.faults.Fail("Destination.Put", 1, errors.New("no space")) // put off
	w.create(t, other, "good")
	w.work(t, nil)

	lost := w.create(t, other, "slow")
	w.work(t, func() { // its lease is over, another process has looked, and nobody takes it for a while
		_, err := w.store.Update(t.Context(), lost.ID, func(now time.Time, j *jobs.Job) error {
			j.LeaseUntil = now
			return nil
		})
		err = errors.Join(err, w.Reap(t.Context()))
		_, later := w.store.Update(t.Context(), lost.ID, func(now time.Time, j *jobs.Job) error {
			j.PutOff, j.LeaseUntil = true, now.Add(time.Hour)
			return nil
		})
		if err := errors.Join(err, later); err != nil {
			t.Error(err)
		}
	})
}

// scrape reads the metrics as Prometheus does.
func (w *world) scrape(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.server.URL+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("status %d", response.StatusCode)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// value is that of a series, whose labels are written as name=value, or how many
// values a histogram has. It is -1 if there is none.
func value(families map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	for _, m := range families[name].GetMetric() {
		var has []string
		for _, l := range m.GetLabel() {
			has = append(has, l.GetName()+"="+l.GetValue())
		}
		slices.Sort(has)
		if slices.Equal(has, labels) {
			return m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return -1
}

func TestScrape(t *testing.T) {
	w := newWorld(t)
	if got := w.scrape(t); value(got, "orgexport_jobs_ended_total", "outcome=completed") != 0 || value(got, "orgexport_section_bytes_total", "section=good") != 0 {
		t.Error("what has not happened yet is not there as 0")
	}
	w.exports(t)
	got := w.scrape(t)
	for _, c := range []struct {
		name   string
		labels string
		want   float64
	}{
		{"orgexport_jobs", "status=pending", 2}, // the lost one and the one put off
		{"orgexport_jobs", "status=processing", 0},
		{"orgexport_store_stats_failures_total", "", 0},
		{"orgexport_jobs_created_total", "", 5},
		{"orgexport_jobs_ended_total", "outcome=completed", 1},
		{"orgexport_jobs_ended_total", "outcome=failed", 1},
		{"orgexport_jobs_ended_total", "outcome=cancelled", 1},
		{"orgexport_job_duration_seconds", "outcome=completed", 1},
		{"orgexport_attempts_running", "", 0},
		{"orgexport_attempt_duration_seconds", "outcome=completed", 1},
		{"orgexport_attempt_duration_seconds", "outcome=failed", 1},
		{"orgexport_attempt_duration_seconds", "outcome=stopped", 1},
		{"orgexport_attempt_duration_seconds", "outcome=lease_lost", 1},
		{"orgexport_attempt_duration_seconds", "outcome=put_off", 1},
		{"orgexport_leases_lost_total", "noticed_by=worker", 1},
		{"orgexport_leases_lost_total", "noticed_by=reaper", 1},
		{"orgexport_archives_purged_total", "", 1},
		{"orgexport_section_duration_seconds", "section=good status=ok", 2},
		{"orgexport_section_duration_seconds", "section=bad status=error", 1},
		{"orgexport_section_duration_seconds", "section=slow status=aborted", 2},
		{"orgexport_section_records_total", "section=good", 2},
		{"orgexport_section_binaries_total", "section=good", 2},
		{"orgexport_section_records_total", "section=bad", 0},
		{"orgexport_sections_stuck", "", 0},
	} {
		if got := value(got, c.name, strings.Fields(c.labels)...); got != c.want {
			t.Errorf("%s{%s} is %v, want %v", c.name, c.labels, got, c.want)
		}
	}
	for _, name := range []string{"orgexport_archive_bytes_total", "orgexport_queue_age_seconds"} {
		if got := value(got, name); got <= 0 {
			t.Errorf("%s is %v, want more than 0", name, got)
		}
	}
	if value(got, "orgexport_section_bytes_total", "section=good") < 12 || value(got, "go_goroutines") < 1 {
		t.Error("bytes or goroutines are not counted")
	}
}

// brokenStore does not tell how busy it is.
type brokenStore struct{ jobstest.MemStore }

func (*brokenStore) Marked(context.Context, string) (time.Duration, error) {
	return 0, errors.New("secret: connection refused")
}

func (*brokenStore) Stats(context.Context) (jobs.Stats, error) {
	return jobs.Stats{}, errors.New("secret: connection refused")
}

// TestStoreThatDoesNotAnswer keeps the other metrics.
func TestStoreThatDoesNotAnswer(t *testing.T) {
	var log strings.Builder
	m, err := prom.New(prom.Config{Store: new(brokenStore), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		recorder := httptest.NewRecorder()
		m.Handler().ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
		body := recorder.Body.String()
		if recorder.Code != http.StatusOK || !strings.Contains(body, "orgexport_jobs_created_total 0") {
			t.Errorf("status %d without the other metrics:\n%s", recorder.Code, body)
		}
		if strings.Contains(body, "orgexport_jobs{") || strings.Contains(body, "orgexport_queue_age_seconds ") ||
			strings.Contains(body, "orgexport_worker_age_seconds ") || strings.Contains(body, "secret") {
			t.Errorf("it tells of what nobody knows:\n%s", body)
		}
	}
	if families := gather(t, m); value(families, "orgexport_store_stats_failures_total") < 2 {
		t.Error("the failures are not counted")
	}
	if !strings.Contains(log.String(), "connection refused") {
		t.Errorf("the log says %s", log.String())
	}
}

func gather(t *testing.T, m *prom.Metrics) map[string]*dto.MetricFamily {
	t.Helper()
	list, err := m.Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	families := make(map[string]*dto.MetricFamily)
	for _, f := range list {
		families[f.GetName()] = f
	}
	return families
}

var columns = regexp.MustCompile(` {2,}`)

// TestTable holds the table of the documentation to what is exported.
func TestTable(t *testing.T) {
	w := newWorld(t)
	w.exports(t)
	w.metrics.LimitHit("minute")
	w.metrics.SourceProblems(nil)
	w.metrics.HTTP(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	table := make(map[string]string) // to type and labels
	for line := range strings.Lines(string(text)) {
		line, ok := strings.CutPrefix(line, "//\torgexport_")
		if !ok {
			continue
		}
		cells := columns.Split(strings.TrimSpace(line), -1) // name, type, labels if there are any, text
		labels := ""
		if len(cells) == 4 {
			labels = cells[2]
		}
		table["orgexport_"+cells[0]] = cells[1] + " " + labels
	}
	exported := make(map[string]string)
	for name, f := range w.scrape(t) {
		if !strings.HasPrefix(name, "orgexport_") {
			if !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") {
				t.Errorf("%s is exported", name)
			}
			continue
		}
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		if slices.Sort(labels); slices.Contains(labels, "route") {
			slices.Reverse(labels) // the table has what matters more first
		}
		exported[name] = strings.ToLower(f.GetType().String()) + " " + strings.Join(labels, ", ")
		if f.GetHelp() == "" {
			t.Errorf("%s has no help", name)
		}
	}
	for name, want := range exported {
		if table[name] != want {
			t.Errorf("the table says %q of %s, which is %q", table[name], name, want)
		}
	}
	for name := range table {
		if exported[name] == "" {
			t.Errorf("the table has %s, which is not exported", name)
		}
	}
	problems, err := testutil.GatherAndLint(w.metrics.Registry())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "orgexport_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

// TestNothingGlobal makes two of everything.
func TestNothingGlobal(t *testing.T) {
	before, err := testutil.GatherAndCount(prometheus.DefaultGatherer)
	if err != nil {
		t.Fatal(err)
	}
	one, err := prom.New(prom.Config{})
	if err != nil {
		t.Fatal(err)
	}
	two, err := prom.New(prom.Config{})
	if err != nil {
		t.Fatal(err)
	}
	one.LimitHit("day")
	if value(gather(t, one), "orgexport_limits_hit_total", "limited=day") != 1 || value(gather(t, two), "orgexport_limits_hit_total", "limited=day") != -1 {
		t.Error("two Metrics share what they count")
	}
	after, err := testutil.GatherAndCount(prometheus.DefaultGatherer)
	if err != nil || before != after {
		t.Errorf("the default registry had %d series and has %d, %v", before, after, err)
	}
	if _, err := prom.New(prom.Config{StatsTimeout: -1}); err == nil {
		t.Error("a negative time-out is taken")
	}
}

func TestLimits(t *testing.T) {
	m, err := prom.New(prom.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for n := range 100 {
			m.LimitHit("window " + string(rune('a'+n)))
		}
	}
	families := gather(t, m)
	if got := len(families["orgexport_limits_hit_total"].GetMetric()); got != 17 {
		t.Errorf("there are %d windows", got)
	}
	if value(families, "orgexport_limits_hit_total", "limited=window a") != 2 || value(families, "orgexport_limits_hit_total", "limited=other") != 2*84 {
		t.Error("the counts are wrong")
	}
}
