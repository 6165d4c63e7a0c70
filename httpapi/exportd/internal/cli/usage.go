package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/nearest"
)

// exactly wants one argument for each name, and says which one is missing.
func exactly(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return fmt.Errorf("%s is missing: %s", names[len(args)], c.UseLine())
		}
		return atMost(names...)(c, args)
	}
}

// atMost wants no more arguments than there are names.
func atMost(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) > len(names) {
			return fmt.Errorf("%q is an argument too many: %s", args[len(names)], c.UseLine())
		}
		return nil
	}
}

// subcommand wants the name of one of the command's own.
func subcommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return unknownCommand(c, args[0])
}

// unknownCommand is the error of a name that is none of the command's own.
func unknownCommand(c *cobra.Command, name string) error {
	var names []string
	for _, sub := range c.Commands() {
		names = append(names, sub.Name())
	}
	if meant := nearest.Of(name, names); meant != "" {
		return fmt.Errorf("unknown command %q for %q; did you mean %q?", name, c.CommandPath(), meant)
	}
	return fmt.Errorf("unknown command %q for %q; %s --help lists them", name, c.CommandPath(), c.CommandPath())
}

// wordOf returns the first of the arguments that is no flag.
func wordOf(args []string) string {
	for _, arg := range args {
		if !strings.HasPrefix(arg, "-") {
			return arg
		}
	}
	return ""
}

// explainFlag adds to the error of an unknown flag which one may be meant.
func explainFlag(c *cobra.Command, err error) error {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok {
		return err
	}
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if meant := nearest.Of(unknown.GetSpecifiedName(), names); meant != "" {
		return fmt.Errorf("%w; did you mean --%s?", err, meant)
	}
	return err
}

// duration is a flag that is a duration as the configuration has them.
type duration time.Duration

func (d *duration) String() string { return time.Duration(*d).String() }

func (d *duration) Type() string { return "duration" }

// Set implements [pflag.Value].
func (d *duration) Set(text string) error {
	t, err := config.ParseDuration(text)
	*d = duration(t)
	return err
}

// durationFlag adds a flag that is a duration as the configuration has them.
func durationFlag(c *cobra.Command, dst *time.Duration, name string, byDefault time.Duration, usage string) {
	*dst = byDefault
	c.Flags().Var((*duration)(dst), name, usage)
}
