package wire

import (
	"context"
	"log/slog"

	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
)

// OpenOperator opens what a command needs that changes jobs as the API does, beside the servers
// that run: the queue tells their workers. It runs nothing and sends no spans. A folder of
// archives that is not there is an error, and is not made: archives would stay where it is.
func OpenOperator(ctx context.Context, c *config.Config, logger *slog.Logger) (*Server, error) {
	if err := checkArchives(c); err != nil {
		return nil, err
	}
	untraced := *c
	untraced.Tracing = config.Tracing{}
	return OpenWorker(ctx, &untraced, ServerOptions{NoWorker: true, Logger: logger})
}

// Jobs returns what requests, cancels and purges jobs.
func (s *Server) Jobs() *jobs.Service { return s.service }
