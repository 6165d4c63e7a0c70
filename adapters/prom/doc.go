// Package prom makes metrics of exports for Prometheus, with
// github.com/prometheus/client_golang.
//
//	metrics, err := prom.New(prom.Config{Store: store, Engine: engine})
//	…
//	service, err := jobs.New(jobs.Config{
//		Observers: []jobs.Observer{metrics.Observer()},
//		…
//	})
//	downloads = metrics.Downloads(downloads)         // a handler of package sign
//	handler := metrics.HTTP(api)                     // a handler of package httpapi
//	mux.Handle("GET /metrics", metrics.Handler())
//
// Each [Metrics] has a registry of its own. The default registry of Prometheus is not
// used.
//
// # Who may scrape
//
// [Metrics.Handler] asks for no credentials. Metrics say nothing about single
// organizations, but how much a product is used. Serve them on an address that only the
// monitoring reaches.
//
// # Metrics
//
// Each process counts what it does itself. Only orgexport_jobs, orgexport_suspects, orgexport_helpers,
// orgexport_queue_age_seconds, orgexport_worker_age_seconds and
// orgexport_archives_damaged come from the store, which all processes share: do not add
// them up over processes. They are missing while the store does not answer, and if it is
// not a [jobs.Statser], or for the age of workers not a [jobs.Marker]. Damaged archives are
// found by a scrub, which may be a process of its own, or when a link is made.
//
//	orgexport_jobs                           gauge      status             jobs in flight: pending or processing
//	orgexport_queue_age_seconds              gauge                         since the oldest pending job was created; 0 if none is
//	orgexport_worker_age_seconds             gauge                         since a worker of any process looked at the queue; +Inf if none ever has
//	orgexport_store_stats_failures_total     counter                       scrapes at which the store did not tell these
//	orgexport_jobs_created_total             counter                       jobs asked for
//	orgexport_jobs_ended_total               counter    outcome            jobs ended: completed, failed or cancelled
//	orgexport_job_duration_seconds           histogram  outcome            from creation to the end of a job, the wait included
//	orgexport_attempts_running               gauge                         attempts at jobs that run now
//	orgexport_attempt_duration_seconds       histogram  outcome            attempts: completed, failed, put_off, handed_back, stopped, lease_lost
//	orgexport_suspects                       gauge                         jobs in flight that had a worker which was lost: see jobs.Job.Suspect
//	orgexport_jobs_suspected_total           counter                       times that a worker was lost which had a job beside others
//	orgexport_helpers                        gauge                         workers that help with jobs which others have: see jobs.Config.FanOut
//	orgexport_jobs_helped_total              counter                       times that a worker of this process came to help with a job
//	orgexport_helpers_lost_total             counter                       helpers that were lost of jobs which this process has
//	orgexport_jobs_unable_total              counter                       times that a worker left a job to others, for lack of a section or of a process to itself
//	orgexport_leases_lost_total              counter    noticed_by         leases lost; a loss may be noticed by the worker, the reaper or both
//	orgexport_archive_bytes_total            counter                       size of the archives that were made
//	orgexport_archives_damaged               gauge                         archives that are kept and were found missing or changed; alert on more than 0
//	orgexport_archives_purged_total          counter                       archives deleted, at the end of their retention or before
//	orgexport_archives_refused_total         counter                       archives that were not kept as they were written; the attempt failed
//	orgexport_section_duration_seconds       histogram  section, status    sections: ok, empty, partial, error, or aborted with the attempt
//	orgexport_section_reruns_total           counter    fault, section     runs of a section that the machine failed and that were begun again
//	orgexport_section_records_total          counter    section            records of finished sections
//	orgexport_section_binaries_total         counter    section            binaries of finished sections
//	orgexport_section_bytes_total            counter    section            bytes of finished sections, before packing
//	orgexport_sections_stuck                 gauge                         sections that were given up and still have not returned
//	orgexport_downloads_started_total        counter                       downloads of which a first byte was due, each range counted
//	orgexport_downloads_completed_total      counter                       downloads that were sent to their end
//	orgexport_downloads_running              gauge                         downloads that are being sent
//	orgexport_download_bytes_total           counter                       bytes of downloads that were sent
//	orgexport_source_problems                gauge      section            what the database has against the queries; no section: against all. Missing until it was asked
//	orgexport_limits_hit_total               counter    limited            requests refused for a rate limit, by what was limited
//	orgexport_http_requests_in_flight        gauge                         requests being answered
//	orgexport_http_request_duration_seconds  histogram  route, code        requests by pattern and class of status; aborted if broken off
//
// The metrics of the Go runtime and of the process, go_* and process_*, are those of
// client_golang.
//
// # Labels
//
// No label holds an id, a name or a path. The label of a section is its key. The label of
// a request is the pattern of [http.ServeMux] that it matches, or "other". So the number
// of series depends on the program's sections, operations and limits, and not on what
// clients send.
package prom
