package prom

import (
	"context"
	"errors"
	"math"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

// collectStats registers the metrics that engine and store are asked for at each scrape.
func (m *Metrics) collectStats(r recorder) {
	if e := m.config.Engine; e != nil {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: namespace, Name: "sections_stuck", Help: "Sections that were given up and have not returned.",
		}, func() float64 { return float64(e.Stuck()) }))
	}
	if store, ok := m.config.Store.(jobs.Marker); ok {
		r.MustRegister(&idleness{metrics: m, store: store, age: prometheus.NewDesc(namespace+"_worker_age_seconds",
			"How long ago a worker of any process looked at the queue; +Inf if none ever has.", nil, nil)})
	}
	if store, ok := m.config.Store.(jobs.Statser); ok {
		r.MustRegister(&busyness{
			metrics:  m,
			store:    store,
			failures: r.counter("store_stats_failures_total", "Scrapes at which the store did not tell how busy it is."),
			jobs: prometheus.NewDesc(namespace+"_jobs",
				"Jobs in flight, of all processes, by status.", []string{"status"}, nil),
			suspects: prometheus.NewDesc(namespace+"_suspects",
				"Jobs in flight that had a worker which was lost.", nil, nil),
			helpers: prometheus.NewDesc(namespace+"_helpers",
				"Workers, of all processes, that help with jobs which others have.", nil, nil),
			age: prometheus.NewDesc(namespace+"_queue_age_seconds",
				"How long ago the oldest pending job was created.", nil, nil),
			damaged: prometheus.NewDesc(namespace+"_archives_damaged",
				"Archives that are kept and were found missing or changed, of all processes.", nil, nil),
		})
	}
}

// idleness is a collector that asks the store at each scrape when anybody worked.
type idleness struct {
	metrics *Metrics
	store   jobs.Marker
	age     *prometheus.Desc
}

// Describe implements [prometheus.Collector].
func (i *idleness) Describe(out chan<- *prometheus.Desc) { out <- i.age }

// Collect implements [prometheus.Collector]. If the store does not tell, it leaves its
// metric out.
func (i *idleness) Collect(out chan<- prometheus.Metric) {
	c := i.metrics.config
	ctx, cancel := context.WithTimeout(context.Background(), c.StatsTimeout) //nolint:forbidigo // a Collector is given none
	defer cancel()
	age, err := i.store.Marked(ctx, jobs.MarkWorker)
	seconds := age.Seconds()
	switch {
	case errors.Is(err, export.ErrNotFound):
		seconds = math.Inf(1)
	case errors.Is(err, errors.ErrUnsupported):
		return
	case err != nil:
		c.Logger.WarnContext(ctx, "the store does not tell when a worker looked at the queue", "error", err)
		return
	}
	out <- prometheus.MustNewConstMetric(i.age, prometheus.GaugeValue, seconds)
}

// busyness is a collector that asks the store at each scrape.
type busyness struct {
	metrics   *Metrics
	store     jobs.Statser
	failures  prometheus.Counter
	jobs, age *prometheus.Desc
	suspects  *prometheus.Desc
	helpers   *prometheus.Desc
	damaged   *prometheus.Desc
}

// Describe implements [prometheus.Collector].
func (b *busyness) Describe(out chan<- *prometheus.Desc) {
	out <- b.jobs
	out <- b.suspects
	out <- b.helpers
	out <- b.age
	out <- b.damaged
}

// Collect implements [prometheus.Collector]. If the store does not answer it leaves its
// metrics out, and the others are scraped all the same.
func (b *busyness) Collect(out chan<- prometheus.Metric) {
	c := b.metrics.config
	ctx, cancel := context.WithTimeout(context.Background(), c.StatsTimeout) //nolint:forbidigo // a Collector is given none
	defer cancel()
	stats, err := b.store.Stats(ctx)
	if err != nil {
		b.failures.Inc()
		c.Logger.WarnContext(ctx, "the store does not tell how busy it is", "error", err)
		return
	}
	gauge := func(desc *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, v, labels...)
	}
	gauge(b.jobs, float64(stats.Pending), string(jobs.Pending))
	gauge(b.jobs, float64(stats.Processing), string(jobs.Processing))
	gauge(b.suspects, float64(stats.Suspects))
	gauge(b.helpers, float64(stats.Helpers))
	gauge(b.age, stats.Oldest.Seconds())
	gauge(b.damaged, float64(stats.Damaged))
}
