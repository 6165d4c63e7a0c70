// Command benchmarks measures orgexport against the tools that people would take instead,
// side by side on this machine:
//
//	go run . [--rounds N] [--size 256MiB] [--files 200000] [--only NAME,…] [--json] [--postgres URL]
//
// It makes its data, the same on every machine, and runs ours and the others by turns, each
// in a process of its own. All outputs are opened by the tools that people open them with. It
// writes results.md and results.svg, or with --json prints results. A tool that is not
// installed is named.
//
// What differs between two runs of a machine is seen in minimum and maximum. Compare ratios
// of one run only; those of other machines differ.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "benchmarks:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 2 && args[0] == "do" {
		return do(ctx, args[1])
	}
	flags := flag.NewFlagSet("benchmarks", flag.ContinueOnError)
	flags.SetOutput(stderr)
	b := &bench{sizes: sizes{bytes: 256 << 20}}
	flags.IntVar(&b.rounds, "rounds", 5, "how often each is measured")
	flags.Func("size", "bytes of the mix, as 256MiB; other data grows with it (default 256MiB)", func(s string) (err error) {
		b.sizes.bytes, err = parseSize(s)
		return err
	})
	flags.IntVar(&b.sizes.files, "files", 200_000, "number of small files")
	only := flags.String("only", "", "names of what to measure, separated by commas")
	asJSON := flags.Bool("json", false, "print the results as JSON, and write no files")
	database := flags.String("postgres", "", "URL of a PostgreSQL database in which a table may be made")
	folder := flags.String("dir", "", "keep the data in this folder for other runs (default: a temporary one)")
	out := flags.String("out", ".", "folder of results.md and results.svg")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 || b.rounds < 1 || b.sizes.files < 1 {
		return errors.New("arguments are not understood, or not positive")
	}
	if *database != "" {
		if err := os.Setenv(postgresVariable, *database); err != nil {
			return err
		}
	}
	all := contests()
	if err := b.choose(*only, all); err != nil {
		return err
	}
	b.log = func(format string, args ...any) { _, _ = fmt.Fprintf(stderr, format+"\n", args...) }
	remove, err := b.place(*folder)
	if err != nil {
		return err
	}
	defer remove()
	var results []*result
	for _, c := range all {
		more, err := b.run(ctx, c)
		if err != nil {
			return err
		}
		results = append(results, more...)
	}
	if *asJSON {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		return e.Encode(summary(results))
	}
	return errors.Join(
		os.WriteFile(filepath.Join(*out, "results.md"), markdown(b, all, results), 0o644),
		os.WriteFile(filepath.Join(*out, "results.svg"), chart(all, results), 0o644),
	)
}

// do is what a process of this program does for one measurement.
func do(ctx context.Context, name string) error {
	for _, c := range contests() {
		for _, one := range c.all() {
			if one.name == name && one.do != nil {
				return one.do(ctx, os.Getenv("IN"), os.Getenv("OUT"))
			}
		}
	}
	return fmt.Errorf("nobody is called %q", name)
}

// choose sets what is to be measured.
func (b *bench) choose(only string, all []contest) error {
	if only == "" {
		return nil
	}
	known := make(map[string]bool)
	var names []string
	for _, c := range all {
		for _, one := range c.all() {
			known[one.name] = true
			names = append(names, one.name)
		}
	}
	// Some names have commas: the longest that is known is taken.
	for parts := strings.Split(only, ","); len(parts) > 0; {
		n := len(parts)
		for n > 0 && !known[strings.TrimSpace(strings.Join(parts[:n], ","))] {
			n--
		}
		if n == 0 {
			return fmt.Errorf("nobody is called %q; there are: %s", parts[0], strings.Join(names, "; "))
		}
		b.only = append(b.only, strings.TrimSpace(strings.Join(parts[:n], ",")))
		parts = parts[n:]
	}
	return nil
}

// place sets the folder for data, and returns what removes it if it is temporary.
func (b *bench) place(folder string) (remove func(), err error) {
	if folder != "" {
		b.dir, err = filepath.Abs(folder)
		return func() {}, errors.Join(err, os.MkdirAll(folder, 0o755))
	}
	b.dir, err = os.MkdirTemp("", "orgexport-benchmarks-")
	return func() { _ = os.RemoveAll(b.dir) }, err
}

// parseSize reads a number of bytes with a unit or without.
func parseSize(s string) (int64, error) {
	number, shift := s, 0
	for i, unit := range []string{"KiB", "MiB", "GiB"} {
		if n, ok := strings.CutSuffix(s, unit); ok {
			number, shift = n, 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 1 || n > 1<<50>>shift {
		return 0, fmt.Errorf("%q is no size such as 256MiB", s)
	}
	return n << shift, nil
}
