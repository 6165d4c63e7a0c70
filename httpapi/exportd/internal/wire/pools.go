package wire

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// measurePools adds metrics of the connections to databases: of jobs by the names that
// Prometheus's library has for them (go_sql_…, db_name="jobs"), and of the source how often
// a query had to wait for one.
func (s *Server) measurePools() {
	r := s.metrics.Registry()
	r.MustRegister(collectors.NewDBStatsCollector(s.Store.DB().DB, "jobs"))
	if source, ok := s.setup.source.(interface{ Waits() int64 }); ok {
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Namespace: "orgexport", Name: "source_waits_total",
			Help: "Queries of the source that had to wait for a connection, and exports for their turn to keep a moment of it.",
		}, func() float64 { return float64(source.Waits()) }))
	}
}
