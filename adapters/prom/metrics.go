package prom

import (
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

// Config is the configuration of [Metrics]. Its zero value is ready for use.
type Config struct {
	// Store is asked at each scrape for its [jobs.Stats], if it is a [jobs.Statser].
	// Optional.
	Store jobs.Store

	// Engine says which sections there are, and how many of them are stuck. Optional.
	Engine *export.Engine

	// StatsTimeout is how long Store may take to answer. Defaults to 5 seconds.
	StatsTimeout time.Duration

	// Logger receives the errors of Store and of scrapes. It is made discreet: see [export.Discreet]. Defaults
	// to [slog.Default].
	Logger *slog.Logger
}

// Metrics counts what a process does for exports. It is safe for concurrent use. Make one
// with [New]; there is nothing to close.
type Metrics struct {
	config   Config
	registry *prometheus.Registry

	jobsCreated      prometheus.Counter
	jobsEnded        *prometheus.CounterVec
	jobDuration      *prometheus.HistogramVec
	attemptsRunning  prometheus.Gauge
	attemptDuration  *prometheus.HistogramVec
	leasesLost       *prometheus.CounterVec
	jobsSuspected    prometheus.Counter
	jobsUnable       prometheus.Counter
	jobsHelped       prometheus.Counter
	helpersLost      prometheus.Counter
	archiveBytes     prometheus.Counter
	archivesPurged   prometheus.Counter
	archivesRefused  prometheus.Counter
	sectionDuration  *prometheus.HistogramVec
	sectionReruns    *prometheus.CounterVec
	sectionRecords   *prometheus.CounterVec
	sectionBinaries  *prometheus.CounterVec
	sectionBytes     *prometheus.CounterVec
	downloadsStarted prometheus.Counter
	downloadsWhole   prometheus.Counter
	downloadsRunning prometheus.Gauge
	downloadBytes    prometheus.Counter
	sourceProblems   *prometheus.GaugeVec
	limitsHit        *prometheus.CounterVec
	requestsRunning  prometheus.Gauge
	requestDuration  *prometheus.HistogramVec

	mu      sync.Mutex
	limited map[string]bool // the names that LimitHit was called with
	checked map[string]bool // the sections that SourceProblems was called with
}

// These are the buckets of histograms, in seconds: requests take milliseconds to minutes,
// exports take seconds to hours.
var (
	requestBuckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60}
	exportBuckets  = []float64{.1, .5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 12 * 3600}
)

// New returns a Metrics. The error says what is wrong with the configuration.
func New(c Config) (*Metrics, error) {
	if c.StatsTimeout < 0 {
		return nil, fmt.Errorf("prom: Config.StatsTimeout is %v, want a positive duration", c.StatsTimeout)
	}
	if c.StatsTimeout == 0 {
		c.StatsTimeout = 5 * time.Second
	}
	c.Logger = export.Discreet(c.Logger)
	m := &Metrics{config: c, registry: prometheus.NewRegistry(), limited: make(map[string]bool), checked: make(map[string]bool)}
	r := recorder{m.registry}
	m.jobsCreated = r.counter("jobs_created_total", "Jobs that were asked for.")
	m.jobsEnded = r.counters("jobs_ended_total", "Jobs that have ended, by outcome.", "outcome")
	m.jobDuration = r.histograms("job_duration_seconds", "From the creation to the end of jobs, by outcome.", exportBuckets, "outcome")
	m.attemptsRunning = r.gauge("attempts_running", "Attempts at jobs that run in this process.")
	m.attemptDuration = r.histograms("attempt_duration_seconds", "Attempts at jobs, by outcome.", exportBuckets, "outcome")
	m.jobsSuspected = r.counter("jobs_suspected_total", "Times that a worker was lost which had a job beside others.")
	m.jobsUnable = r.counter("jobs_unable_total", "Times that a worker left a job to others, for lack of a section or of a process to itself.")
	m.jobsHelped = r.counter("jobs_helped_total", "Times that a worker of this process came to help with a job that another has.")
	m.helpersLost = r.counter("helpers_lost_total", "Helpers of jobs of this process that were lost.")
	m.leasesLost = r.counters("leases_lost_total", "Leases of jobs that were lost, by who noticed it.", "noticed_by")
	m.archiveBytes = r.counter("archive_bytes_total", "Size of the archives that were made.")
	m.archivesPurged = r.counter("archives_purged_total", "Archives that were deleted.")
	m.archivesRefused = r.counter("archives_refused_total", "Archives that were not kept as they were written, so that the attempt failed.")
	m.sectionDuration = r.histograms("section_duration_seconds", "Sections, by key and status.", exportBuckets, "section", "status")
	m.sectionReruns = r.counters("section_reruns_total", "Sections that were run again, because the machine failed them, by its fault.", "section", "fault")
	m.sectionRecords = r.counters("section_records_total", "Records of finished sections.", "section")
	m.sectionBinaries = r.counters("section_binaries_total", "Binaries of finished sections.", "section")
	m.sectionBytes = r.counters("section_bytes_total", "Bytes of finished sections, before packing.", "section")
	m.downloadsStarted = r.counter("downloads_started_total", "Downloads that were begun.")
	m.downloadsWhole = r.counter("downloads_completed_total", "Downloads that were sent to their end.")
	m.downloadsRunning = r.gauge("downloads_running", "Downloads that are being sent.")
	m.downloadBytes = r.counter("download_bytes_total", "Bytes of downloads that were sent.")
	m.sourceProblems = r.gauges("source_problems", "What the database that is exported has against the queries, by section.", "section")
	m.limitsHit = r.counters("limits_hit_total", "Requests that were refused for a rate limit, by what was limited.", "limited")
	m.requestsRunning = r.gauge("http_requests_in_flight", "Requests that are being answered.")
	m.requestDuration = r.histograms("http_request_duration_seconds", "Requests, by pattern and class of status.", requestBuckets, "route", "code")
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.collectStats(r)
	m.expect()
	return m, nil
}

// expect makes series with the value 0 of what may happen, so that Prometheus sees an
// increase when it happens for the first time.
func (m *Metrics) expect() {
	for _, outcome := range []jobs.Step{jobs.StepCompleted, jobs.StepFailed, jobs.StepCancelled} {
		m.jobsEnded.WithLabelValues(string(outcome))
	}
	for _, by := range []string{byWorker, byReaper} {
		m.leasesLost.WithLabelValues(by)
	}
	if m.config.Engine == nil {
		return
	}
	for _, key := range m.config.Engine.Keys() {
		m.sectionRecords.WithLabelValues(key)
		m.sectionBinaries.WithLabelValues(key)
		m.sectionBytes.WithLabelValues(key)
		for _, fault := range export.Faults() {
			m.sectionReruns.WithLabelValues(key, string(fault))
		}
	}
}

// Handler returns a handler that serves the metrics in the formats of Prometheus. It asks
// for no credentials: see the package's documentation. It answers up to four scrapes at
// once and refuses others.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog:            errorLog{m.config.Logger},
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: 4,
	})
}

// Registry returns the registry of the metrics, for a host that adds its own metrics or
// gathers all of them by itself.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

type errorLog struct{ *slog.Logger }

func (l errorLog) Println(v ...any) { l.Error("metrics not gathered", "error", fmt.Sprint(v...)) }

// recorder registers the metrics of this package. It panics if a name is used twice.
type recorder struct{ prometheus.Registerer }

const namespace = "orgexport"

func add[C prometheus.Collector](r recorder, c C) C {
	r.MustRegister(c)
	return c
}

func (r recorder) counter(name, help string) prometheus.Counter {
	return add(r, prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}))
}

func (r recorder) counters(name, help string, labels ...string) *prometheus.CounterVec {
	return add(r, prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels))
}

func (r recorder) gauge(name, help string) prometheus.Gauge {
	return add(r, prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}))
}

func (r recorder) gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	return add(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels))
}

func (r recorder) histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return add(r, prometheus.NewHistogramVec(
		prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels))
}
