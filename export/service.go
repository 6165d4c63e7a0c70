package export

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/orgexport/orgexport/archive"
)

// ServiceConfig is the configuration of a [Service]. The ports are required;
// the rest has defaults.
type ServiceConfig struct {
	Engine        *Engine
	Store         Store
	Dispatcher    Dispatcher
	Destination   Destination
	Signer        Signer
	Organizations Organizations

	// Formats are what archives may be made in. Defaults to zip and tar.gz.
	Formats []archive.Format

	// Retention is how long an archive is kept. Defaults to 7 days.
	Retention time.Duration

	// PartsRetention is how long the parts of a job are kept once it has ended,
	// for jobs that retry it. Defaults to 24 hours; negative means that they are
	// deleted at once.
	PartsRetention time.Duration

	// LinkTTL is how long a link is good, unless its archive is purged before.
	// Defaults to one hour.
	LinkTTL time.Duration

	// Quota bounds the jobs of each organization. Defaults to no limit.
	Quota Quota

	// Lease is how long a worker that says nothing keeps its job. Heartbeat is
	// how often it says something, at most a third of Lease. They default to 15
	// and 4 seconds, and are the same on all nodes.
	Lease     time.Duration
	Heartbeat time.Duration

	// ReapEvery is how often [Service.Tend] looks for jobs that nobody looks
	// after. Defaults to 2 seconds.
	ReapEvery time.Duration

	// SweepEvery is how often [Service.Tend] looks for what is left over; see
	// [Service.Sweep]. The first time is sooner, at another moment for each Node.
	// Defaults to one hour; negative means never.
	SweepEvery time.Duration

	// MaxFailures is how many attempts at a job may end by a failure of storage
	// or without a word; one more, and the job has failed. Defaults to 5.
	MaxFailures int

	// Node names this process in leases. Defaults to a random name.
	Node string

	// NewID makes the ids of jobs. Defaults to random ones.
	NewID func() string

	// Now is the clock that tells how long a link may be good. Defaults to
	// [time.Now]. All else goes by the clock of the Store.
	Now func() time.Time

	// Observers are told what this process does with jobs. Contexts go through
	// them in this order. Optional.
	Observers []Observer

	// Logger gets causes that customers do not see. Defaults to [slog.Default].
	Logger *slog.Logger
}

// Service is the life of jobs: it takes requests, runs them on workers, keeps
// archives for a while and makes links to them. Make one with [NewService]. It
// is safe for concurrent use.
//
// A job is pending until a worker claims it and processing until it is completed
// or has failed. Some process calls [Service.Tend] and, for tasks of the
// dispatcher, [Service.Work]; any may do the rest.
type Service struct {
	config ServiceConfig

	mu      sync.Mutex
	running map[*lease]bool // what this process works on
}

// NewService makes a Service. The error names every problem of the
// configuration.
func NewService(c ServiceConfig) (*Service, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	return &Service{config: c, running: make(map[*lease]bool)}, nil
}

func (c ServiceConfig) withDefaults() ServiceConfig {
	if c.Formats == nil {
		c.Formats = archive.DefaultFormats()
	}
	setDefault(&c.Retention, 7*24*time.Hour)
	setDefault(&c.PartsRetention, 24*time.Hour)
	setDefault(&c.LinkTTL, time.Hour)
	setDefault(&c.Lease, 15*time.Second)
	setDefault(&c.Heartbeat, min(4*time.Second, c.Lease/3))
	setDefault(&c.ReapEvery, 2*time.Second)
	setDefault(&c.SweepEvery, time.Hour)
	setDefault(&c.MaxFailures, 5)
	if c.NewID == nil {
		c.NewID = NewID
	}
	setDefault(&c.Node, NewID())
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

func (c ServiceConfig) validate() error {
	var errs []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("export: ServiceConfig."+format, args...))
		}
	}
	bad(c.Engine == nil, "Engine is nil")
	bad(c.Store == nil, "Store is nil")
	bad(c.Dispatcher == nil, "Dispatcher is nil")
	bad(c.Destination == nil, "Destination is nil")
	bad(c.Signer == nil, "Signer is nil")
	bad(c.Organizations == nil, "Organizations is nil")
	bad(slices.Contains(c.Formats, nil), "Formats has a nil format")
	bad(c.Retention < 0, "Retention is negative")
	bad(c.LinkTTL < time.Second, "LinkTTL is %v, want a second or more", c.LinkTTL)
	bad(c.Heartbeat <= 0 || c.Heartbeat > c.Lease/3, "Heartbeat is %v, want at most a third of Lease, %v", c.Heartbeat, c.Lease)
	bad(c.ReapEvery < 0, "ReapEvery is negative")
	bad(c.MaxFailures < 0, "MaxFailures is negative")
	bad(c.Quota.InFlight < 0 || c.Quota.Day < 0, "Quota is negative")
	return errors.Join(errs...)
}

// Keys are the keys of all sections that can be asked for, in the order of the
// archive.
func (s *Service) Keys() []string { return s.config.Engine.Keys() }

// Formats are the names of the formats that archives may be made in. The first
// is the default.
func (s *Service) Formats() []string {
	names := make([]string, len(s.config.Formats))
	for i, f := range s.config.Formats {
		names[i] = f.Name()
	}
	return names
}

// Get returns a job of an organization; the error matches [ErrNotFound] if it
// has none with that id.
func (s *Service) Get(ctx context.Context, organizationID, jobID string) (Job, error) {
	return s.config.Store.Get(ctx, organizationID, jobID)
}

// List returns a page of an organization's jobs, newest first, and how many
// there are in all.
func (s *Service) List(ctx context.Context, organizationID string, page Page) ([]Job, int64, error) {
	return s.config.Store.List(ctx, organizationID, page)
}

// Link returns a fresh link to the archive of a job. It is zero if the job is
// not completed, or its archive was purged or is about to be.
func (s *Service) Link(ctx context.Context, job Job) (Link, error) {
	ttl := min(s.config.LinkTTL, job.ExpiresAt.Sub(s.config.Now()))
	if job.Status != JobCompleted || job.ObjectKey == "" || ttl < time.Second {
		return Link{}, nil
	}
	return s.config.Signer.Sign(ctx, job.ObjectKey, job.Filename, ttl)
}

// Ready returns what is not ready of the ports that can tell (see [Checker]):
// Store, Dispatcher, Spool and Destination. The error is made of [*NotReadyError] values.
func (s *Service) Ready(ctx context.Context) error {
	var errs []error
	for _, port := range []struct {
		name string
		port any
	}{
		{"store", s.config.Store},
		{"dispatcher", s.config.Dispatcher},
		{"spool", s.spool()},
		{"destination", s.config.Destination},
	} {
		if c, ok := port.port.(Checker); ok {
			if err := c.Check(ctx); err != nil {
				errs = append(errs, &NotReadyError{port.name, err})
			}
		}
	}
	return errors.Join(errs...)
}

func (s *Service) spool() Spool { return s.config.Engine.config.Spool }

func (s *Service) format(name string) (archive.Format, bool) {
	i := slices.IndexFunc(s.config.Formats, func(f archive.Format) bool { return f.Name() == name })
	if i < 0 {
		return nil, false
	}
	return s.config.Formats[i], true
}

// finish writes into a job that it has ended. An empty text means that it is
// completed.
func (s *Service) finish(now time.Time, j *Job, text string) {
	j.Status, j.Error = JobCompleted, text
	if text != "" {
		j.Status = JobFailed
	}
	j.FinishedAt = now
	j.LeaseOwner, j.LeaseUntil, j.PutOff = "", time.Time{}, false
	j.Progress = nil
	j.PurgeAt = now.Add(max(s.config.PartsRetention, 0))
}

// log is the logger for what happens to a job.
func (s *Service) log(j Job) *slog.Logger {
	return s.config.Logger.With("job", j.ID, "organization", j.Organization.ID, "attempt", j.Attempt)
}

// sortedKeys returns keys sorted, each once, and nil if they are all that there
// are: equal requests are to look alike.
func (s *Service) sortedKeys(keys []string) []string {
	sorted := slices.Compact(slices.Sorted(slices.Values(keys)))
	if len(sorted) == 0 || len(sorted) == len(s.Keys()) {
		return nil
	}
	return sorted
}

// earliest returns the earlier of two instants, of which zero is none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || b.IsZero() {
		return cmp.Or(a, b)
	}
	if b.Before(a) {
		return b
	}
	return a
}
