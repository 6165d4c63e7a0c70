package jobs

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
	"github.com/orgexport/orgexport/export"
)

// Config is the configuration of a [Service]. Engine and the ports are required;
// everything else has a default.
type Config struct {
	Engine        *export.Engine
	Store         Store
	Dispatcher    Dispatcher
	Destination   Destination
	Signer        Signer
	Organizations Organizations

	// Formats are the formats that requests may name. The first one is the default.
	// Defaults to zip and tar.gz.
	Formats []archive.Format

	// Retention is how long an archive is kept. Defaults to 7 days.
	Retention time.Duration

	// PartsRetention is how long the parts of an ended job are kept, for jobs that
	// retry it; those that a retry has taken over are kept until that has ended, if the
	// Store is a [PartsUsage]. Defaults to 24 hours. If it is negative, they are deleted at
	// once.
	PartsRetention time.Duration

	// JobsRetention is how long a job is kept after it has ended, in a store that is a
	// [Remover]. It is not less than Retention and 24 hours. Defaults to 90 days, or to
	// Retention if that is more; if it is negative, jobs are kept for ever.
	JobsRetention time.Duration

	// LinkTTL is how long a link is good. A link never outlives its archive.
	// Defaults to one hour.
	LinkTTL time.Duration

	// Quota limits the jobs of each organization. Defaults to no limit.
	Quota Quota

	// Lease is how long a job stays with a worker that does not renew its lease.
	// Heartbeat is how often workers renew it at least, and at most a third of
	// Lease; progress that is stored renews it, too. Lease defaults to 15 seconds
	// and Heartbeat to 4. All nodes have the same.
	Lease     time.Duration
	Heartbeat time.Duration

	// ReapEvery is how often [Service.Maintain] looks for jobs for which something
	// is due. Defaults to 2 seconds.
	ReapEvery time.Duration

	// SweepEvery is how often [Service.Maintain] calls [Service.Sweep]. The first
	// time is sooner, and differs by Node. Defaults to one hour; negative means
	// never.
	SweepEvery time.Duration

	// MaxFailures is how many attempts at a job may end because storage failed or
	// the worker was lost. One more, and the job has failed. An attempt that could not
	// start for want of free space ([export.ErrNoSpace]) is not counted. Defaults to 5.
	MaxFailures int

	// PerOrganization is how many workers export jobs of one organization at once, in all
	// processes; those that help with a job count (see FanOut). Two processes that claim at the same instant may have one more. It needs a store that
	// is a [Scheduler]. Defaults to no limit.
	PerOrganization int

	// FanOut lets several workers export the sections of one job, in other processes, too, so that
	// one huge organization does not take one machine all night. The worker that has the job
	// exports sections as well, and makes the archive; so a single worker always finishes a job.
	// The engines need a Spool that all processes share. [Request.FanOut] decides for one job.
	//
	// FanOutFrom is about how many bytes the sections of a job have to write, before packing, to
	// be worth it, by their own estimate (see [export.Estimator]). Defaults to 0: all are.
	FanOut     bool
	FanOutFrom int64

	// ReadBack is up to how many bytes an archive is read back, before its job is
	// completed, and compared by SHA-256 with what was written. Of a larger one only
	// the size is compared, and so it is if the Destination is a [Confirmer]. An
	// attempt whose archive is another one fails as if storage had failed. Defaults to
	// 1 GiB. If it is negative, no archive is read back.
	ReadBack int64

	// NoWorker is for a process that only answers requests: [Service.Run] maintains
	// jobs and exports none.
	NoWorker bool

	// Node names this process in leases. Defaults to a random name.
	Node string

	// NewID makes the ids of jobs. Defaults to random ones.
	NewID func() string

	// Now is the clock by which links end. Defaults to [time.Now]. Everything else
	// goes by the clock of the Store.
	Now func() time.Time

	// Observers are told what this process does with jobs. A context passes through
	// them in this order. Optional.
	Observers []Observer

	// Logger gets the causes that customers do not see, those of outages once a minute. It
	// is made discreet: see [export.Discreet]. Defaults to [slog.Default].
	Logger *slog.Logger
}

// Service takes requests for exports, runs them on workers, keeps the archives for a
// while and makes links to them. Make one with [New] and call [Service.Run]. It is
// safe for concurrent use, and any number of processes may share its ports.
type Service struct {
	config Config
	rules  rules

	mu     sync.Mutex
	places places          // the jobs that this process exports
	ending <-chan struct{} // closed when Run is to end; nil without Run

	refusedAt time.Time // when this process could not help with a job last; under mu

	began          time.Time
	marked, warned seldom // see mark and warnRequester
}

// New returns a Service. The error names every problem of the configuration.
func New(c Config) (*Service, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	return &Service{config: c, rules: c.rules(), places: newPlaces(), began: time.Now()}, nil
}

func (c Config) withDefaults() Config {
	if c.Formats == nil {
		c.Formats = archive.DefaultFormats()
	}
	c.Retention = cmp.Or(c.Retention, 7*24*time.Hour)
	c.PartsRetention = cmp.Or(c.PartsRetention, 24*time.Hour)
	c.JobsRetention = cmp.Or(c.JobsRetention, max(90*24*time.Hour, c.Retention))
	c.LinkTTL = cmp.Or(c.LinkTTL, time.Hour)
	c.Lease = cmp.Or(c.Lease, 15*time.Second)
	c.Heartbeat = cmp.Or(c.Heartbeat, min(4*time.Second, c.Lease/3))
	c.ReapEvery = cmp.Or(c.ReapEvery, 2*time.Second)
	c.SweepEvery = cmp.Or(c.SweepEvery, time.Hour)
	c.MaxFailures = cmp.Or(c.MaxFailures, 5)
	c.ReadBack = cmp.Or(c.ReadBack, 1<<30)
	if c.NewID == nil {
		c.NewID = export.NewID
	}
	c.Node = cmp.Or(c.Node, export.NewID())
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Logger = export.QuietOutages(export.Discreet(c.Logger))
	return c
}

func (c Config) rules() rules {
	return rules{
		lease:          c.Lease,
		retention:      c.Retention,
		partsRetention: c.PartsRetention,
		maxFailures:    c.MaxFailures,

		perOrganization: c.PerOrganization,
	}
}

func (c Config) validate() error {
	var errs []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("jobs: Config."+format, args...))
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
	bad(c.JobsRetention >= 0 && c.JobsRetention < max(c.Retention, 24*time.Hour),
		"JobsRetention is %v, want Retention, %v, and 24 hours or more", c.JobsRetention, c.Retention)
	bad(c.LinkTTL < time.Second, "LinkTTL is %v, want a second or more", c.LinkTTL)
	bad(c.Heartbeat <= 0 || c.Heartbeat > c.Lease/3, "Heartbeat is %v, want at most a third of Lease, %v", c.Heartbeat, c.Lease)
	bad(c.ReapEvery < 0, "ReapEvery is negative")
	bad(c.MaxFailures < 0, "MaxFailures is negative")
	bad(c.PerOrganization < 0, "PerOrganization is negative")
	bad(c.FanOutFrom < 0, "FanOutFrom is negative")
	bad(c.Quota.InFlight < 0 || c.Quota.Day < 0, "Quota is negative")
	return errors.Join(errs...)
}

// Keys returns the keys of all sections, in the order of the archive.
func (s *Service) Keys() []string { return s.config.Engine.Keys() }

// Formats returns the names of the formats that requests may name. The first one is
// the default.
func (s *Service) Formats() []string {
	names := make([]string, len(s.config.Formats))
	for i, f := range s.config.Formats {
		names[i] = f.Name()
	}
	return names
}

// Get returns a job of an organization. The error matches [export.ErrNotFound] if
// the organization has no job with that id.
func (s *Service) Get(ctx context.Context, organizationID, jobID string) (Job, error) {
	return s.config.Store.Get(ctx, organizationID, jobID)
}

// List returns a page of an organization's jobs, newest first, and the number of
// all its jobs.
func (s *Service) List(ctx context.Context, organizationID string, page Page) ([]Job, int64, error) {
	return s.config.Store.List(ctx, organizationID, page)
}

func (s *Service) spool() export.Spool { return s.config.Engine.Spool() }

func (s *Service) format(name string) (archive.Format, bool) {
	i := slices.IndexFunc(s.config.Formats, func(f archive.Format) bool { return f.Name() == name })
	if i < 0 {
		return nil, false
	}
	return s.config.Formats[i], true
}

// update changes a job by a rule. steps are what observers are to be told of.
func (s *Service) update(ctx context.Context, jobID string, t transition) (job Job, steps []Step, err error) {
	job, err = s.config.Store.Update(ctx, jobID, func(now time.Time, j *Job) (err error) {
		steps, err = t(now, j)
		return err
	})
	return job, steps, err
}

// jobByID returns a job of which only the id is known.
func (s *Service) jobByID(ctx context.Context, jobID string) (job Job, err error) {
	_, _, err = s.update(ctx, jobID, func(_ time.Time, j *Job) ([]Step, error) {
		job = j.Clone()
		return nil, errNothingToDo
	})
	if errors.Is(err, errNothingToDo) {
		err = nil
	}
	return job, err
}

// log returns the logger for a job.
func (s *Service) log(j Job) *slog.Logger {
	return s.config.Logger.With("job", j.ID, "organization", j.Organization.ID, "attempt", j.Attempt)
}

// sortedKeys returns keys sorted and each once, or nil for all sections, so that
// equal requests look alike.
func (s *Service) sortedKeys(keys []string) []string {
	sorted := slices.Compact(slices.Sorted(slices.Values(keys)))
	if len(sorted) == 0 || len(sorted) == len(s.Keys()) {
		return nil
	}
	return sorted
}
