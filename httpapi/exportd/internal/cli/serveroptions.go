package cli

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/demo"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/wire"
)

// serverOptions are the flags of the commands about a server.
type serverOptions struct {
	config, data string
	startsDemo   bool // if there is neither a configuration nor a demo
	strict       bool // of serve and worker
	logging      logging
}

func (o *serverOptions) flags(c *cobra.Command) {
	configFlag(c, &o.config, "configuration `FILE` (default: exportd.yaml in this folder or, if there is none, that of the demo)")
	c.Flags().Var((*pathFlag)(&o.data), "data", "`DIR` of the demo's data, to use the demo (default: "+demoFolder+")")
	c.MarkFlagsMutuallyExclusive("config", "data")
}

func (o *serverOptions) strictFlag(c *cobra.Command) {
	c.Flags().BoolVar(&o.strict, "strict", false, "refuse to start if the database does not fit the queries or does not answer, or others may read a password of the configuration (see exportd check)")
}

// warn logs what is no good in a configuration. With --strict it is an error.
func (o *serverOptions) warn(logger *slog.Logger, c *config.Config) error {
	if o.strict {
		return config.FileErrors(c.Warnings()).Err()
	}
	logWarnings(logger, c)
	return nil
}

func logWarnings(logger *slog.Logger, c *config.Config) {
	for _, w := range c.Warnings() {
		logger.Warn("the configuration is not safe", "problem", w.String())
	}
}

// refusal returns the error of a server that was opened and is not to start: with --strict
// because of what the database says, which is logged without it.
func (o *serverOptions) refusal(ctx context.Context, server *wire.Server) error {
	if !o.strict {
		return nil
	}
	if err := server.CheckSource(ctx); err != nil {
		return &failure{errors.Join(err, server.Close())}
	}
	return nil
}

func (o *serverOptions) logger(c *config.Config) *slog.Logger {
	return o.logging.logger(os.Stderr, c.Log)
}

// load reads the configuration. Without one it is the demo's, whose catalogue is
// made if need be.
func (o *serverOptions) load(ctx context.Context) (*config.Config, error) {
	if err := o.findConfig(); err != nil {
		return nil, err
	}
	return o.loadFound(ctx)
}

// loadFound is load once findConfig has been called.
func (o *serverOptions) loadFound(ctx context.Context) (*config.Config, error) {
	if o.config != "" {
		return config.Load(o.config)
	}
	return loadDemo(ctx, o.data)
}

// loadDemo reads the configuration of the demo in a folder, and makes it if it is not
// there.
func loadDemo(ctx context.Context, folder string) (*config.Config, error) {
	file, err := demo.Config(ctx, folder, config.Starter())
	if err != nil {
		return nil, failed(err)
	}
	return config.LoadDemo(file, folder)
}
