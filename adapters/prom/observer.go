package prom

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

// These say who has noticed that a lease was lost.
const (
	byWorker = "worker"
	byReaper = "reaper"
)

// Observer returns an observer for [jobs.Config]. It counts jobs, attempts and sections.
func (m *Metrics) Observer() jobs.Observer {
	return jobs.Observer{Job: m.job, Attempt: m.attempt, Section: m.section, Rerun: m.rerun}
}

func (m *Metrics) job(_ context.Context, e jobs.Event) {
	if e.Step != jobs.StepDamaged && errors.Is(e.Err, jobs.ErrDamaged) {
		m.archivesRefused.Inc()
	}
	switch e.Step {
	case jobs.StepCreated:
		m.jobsCreated.Inc()
	case jobs.StepCompleted, jobs.StepFailed, jobs.StepCancelled:
		m.jobsEnded.WithLabelValues(string(e.Step)).Inc()
		m.jobDuration.WithLabelValues(string(e.Step)).Observe(e.Job.FinishedAt.Sub(e.Job.CreatedAt).Seconds())
		m.archiveBytes.Add(float64(e.Job.Size)) // 0 unless it is completed
	case jobs.StepLeaseLost:
		m.leasesLost.WithLabelValues(byWorker).Inc()
	case jobs.StepWorkerLost:
		m.leasesLost.WithLabelValues(byReaper).Inc()
	case jobs.StepSuspected:
		m.jobsSuspected.Inc()
	case jobs.StepHelped:
		m.jobsHelped.Inc()
	case jobs.StepHelperLost:
		m.helpersLost.Inc()
	case jobs.StepUnable:
		m.jobsUnable.Inc()
	case jobs.StepPurged:
		m.archivesPurged.Inc()
	case jobs.StepDamaged: // the store counts them
	case jobs.StepClaimed, jobs.StepPutOff, jobs.StepHandedBack, jobs.StepStopped: // counted as attempts
	}
}

func (m *Metrics) attempt(ctx context.Context, _ jobs.Job) (context.Context, func(jobs.Event)) {
	m.attemptsRunning.Inc()
	return ctx, func(e jobs.Event) {
		m.attemptsRunning.Dec()
		m.attemptDuration.WithLabelValues(string(e.Step)).Observe(e.Elapsed.Seconds())
	}
}

func (m *Metrics) section(ctx context.Context, _ jobs.Job, key string) (context.Context, func(export.Event, error)) {
	began := time.Now()
	return ctx, func(e export.Event, err error) {
		status := "aborted"
		if err == nil {
			status = string(e.Result.Status)
			m.sectionRecords.WithLabelValues(key).Add(float64(e.Records))
			m.sectionBinaries.WithLabelValues(key).Add(float64(e.Binaries))
			m.sectionBytes.WithLabelValues(key).Add(float64(e.Bytes))
		}
		m.sectionDuration.WithLabelValues(key, status).Observe(time.Since(began).Seconds())
	}
}

func (m *Metrics) rerun(_ context.Context, _ jobs.Job, key string, fault export.Fault) {
	label := string(fault)
	if !slices.Contains(export.Faults(), fault) { // a section may say anything
		label = "other"
	}
	m.sectionReruns.WithLabelValues(key, label).Inc()
}

// maxLimited is the number of names that LimitHit tells apart.
const maxLimited = 16

// LimitHit counts a request that was refused for a rate limit. limited is the kind of
// what was limited, such as "key" or "address"; it is not an id. After sixteen different
// names all others count as "other".
func (m *Metrics) LimitHit(limited string) {
	m.mu.Lock()
	if !m.limited[limited] && len(m.limited) >= maxLimited {
		limited = "other"
	} else {
		m.limited[limited] = true
	}
	m.mu.Unlock()
	m.limitsHit.WithLabelValues(limited).Inc()
}
