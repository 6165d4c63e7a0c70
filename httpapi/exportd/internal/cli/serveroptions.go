package cli

import (
	"context"
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
	logLevel     slog.Level
}

func (o *serverOptions) flags(c *cobra.Command) {
	configFlag(c, &o.config, "configuration `FILE` (default: that of the demo)")
	c.Flags().StringVar(&o.data, "data", config.DataFolder, "`DIR` of the demo's data, without --config")
	c.MarkFlagsMutuallyExclusive("config", "data")
}

func (o *serverOptions) logFlag(c *cobra.Command) {
	c.Flags().TextVar(&o.logLevel, "log-level", slog.LevelInfo, "least `LEVEL` of what is logged: debug, info, warn, error")
}

func (o *serverOptions) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: o.logLevel, ReplaceAttr: wire.Discreet}))
}

// isDemo tells whether there is no configuration but the demo's.
func (o *serverOptions) isDemo() bool { return o.config == "" }

// load reads the configuration. Without one it is the demo's, whose catalogue is
// made if need be.
func (o *serverOptions) load(ctx context.Context) (*config.Config, error) {
	if !o.isDemo() {
		return config.Load(o.config)
	}
	file, err := demo.Config(ctx, o.data, config.Starter())
	if err != nil {
		return nil, failed(err)
	}
	return config.LoadFor(file, o.data)
}
