package prom

import (
	"context"
	"time"

	"github.com/orgexport/orgexport/export"
)

// Who notices that a lease was lost.
const (
	byWorker = "worker"
	byReaper = "reaper"
)

// Observer is for [export.ServiceConfig.Observers].
func (m *Metrics) Observer() export.Observer {
	return export.Observer{Job: m.job, Attempt: m.attempt, Section: m.section}
}

func (m *Metrics) job(_ context.Context, e export.JobEvent) {
	switch e.Step {
	case export.StepCreated:
		m.jobsCreated.Inc()
	case export.StepCompleted, export.StepFailed, export.StepCancelled:
		m.jobsEnded.WithLabelValues(string(e.Step)).Inc()
		m.jobDuration.WithLabelValues(string(e.Step)).Observe(e.Job.FinishedAt.Sub(e.Job.CreatedAt).Seconds())
		m.archiveBytes.Add(float64(e.Job.Size)) // 0 unless it is completed
	case export.StepLeaseLost:
		m.leasesLost.WithLabelValues(byWorker).Inc()
	case export.StepWorkerLost:
		m.leasesLost.WithLabelValues(byReaper).Inc()
	case export.StepPurged:
		m.archivesPurged.Inc()
	case export.StepClaimed, export.StepPutOff, export.StepHandedBack, export.StepStopped: // counted as attempts
	}
}

func (m *Metrics) attempt(ctx context.Context, _ export.Job) (context.Context, func(export.JobEvent)) {
	m.attemptsRunning.Inc()
	return ctx, func(e export.JobEvent) {
		m.attemptsRunning.Dec()
		m.attemptDuration.WithLabelValues(string(e.Step)).Observe(e.Elapsed.Seconds())
	}
}

func (m *Metrics) section(ctx context.Context, _ export.Job, key string) (context.Context, func(export.Event, error)) {
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

// maxWindows is how many windows are told apart.
const maxWindows = 8

// LimitHit counts a request that was refused for a rate limit. window names the
// limit, such as "minute" or "day", and not who has hit it: after the first eight
// names all others are "other".
func (m *Metrics) LimitHit(window string) {
	m.mu.Lock()
	if !m.windows[window] && len(m.windows) >= maxWindows {
		window = "other"
	} else {
		m.windows[window] = true
	}
	m.mu.Unlock()
	m.limitsHit.WithLabelValues(window).Inc()
}
