package wire

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
)

// openService makes the service of what is open.
func (s *Server) openService(c *config.Config, signer jobs.Signer) (err error) {
	s.service, err = jobs.New(jobs.Config{
		Engine:          s.setup.Engine,
		Store:           s.jobs,
		Dispatcher:      s.dispatcher,
		Destination:     s.archives,
		Signer:          signer,
		Organizations:   organizations{s.setup},
		Formats:         c.API.Formats,
		Retention:       c.Archives.Retention,
		PartsRetention:  c.Archives.PartsRetention,
		JobsRetention:   c.Jobs.Retention,
		PerOrganization: c.Limits.Running,
		FanOut:          c.Jobs.FanOut,
		FanOutFrom:      c.Jobs.FanOutFrom,
		LinkTTL:         c.Archives.LinkTTL,
		ReadBack:        c.Archives.ReadBack,
		Now:             s.clock.Now,
		Quota:           jobs.Quota{InFlight: int64(c.Limits.InFlight), Day: int64(c.Limits.Daily)},
		Observers:       []jobs.Observer{s.metrics.Observer(), s.tracer.Observer(), s.countHandedBack()},
		NoWorker:        s.noWorker,
		Node:            node(),
		Logger:          s.logger,
	})
	return err
}

// node returns the name of this process in the log and in the rows of jobs. It is
// empty, which stands for a random one, if the machine has no name.
func node() string {
	host, err := os.Hostname()
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s:%d", host, os.Getpid())
}

// organizations are those of the database that is exported.
type organizations struct{ setup *Setup }

// Get implements [jobs.Organizations].
func (o organizations) Get(ctx context.Context, id string) (export.Organization, error) {
	return o.setup.Organization(ctx, id)
}

// noLinks is the signer of a worker, which nobody asks for links.
type noLinks struct{}

// Sign implements [jobs.Signer].
func (noLinks) Sign(context.Context, string, string, time.Duration) (jobs.Link, error) {
	return jobs.Link{}, errors.ErrUnsupported
}
