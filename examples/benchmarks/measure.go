package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// figures are what one run took.
type figures struct {
	wall, cpu time.Duration
	peak      int64 // bytes, of the largest process
	bytes     int64 // of the output
}

// result is what all runs of a contestant took, by round.
type result struct {
	contestant
	contest string
	runs    []figures
	why     string // it was not measured
}

// bench runs contests.
type bench struct {
	rounds int
	sizes  sizes
	dir    string // for data and outputs
	only   []string
	log    func(format string, args ...any)
}

// wants reports whether a contestant is to be measured.
func (b *bench) wants(name string) bool { return len(b.only) == 0 || slices.Contains(b.only, name) }

// run measures the contestants that are wanted, by turns: each round has all of them.
func (b *bench) run(ctx context.Context, c contest) ([]*result, error) {
	var results []*result
	for _, one := range c.all() {
		if b.wants(one.name) {
			results = append(results, &result{contestant: one, contest: c.title, why: one.unable()})
		}
	}
	if !slices.ContainsFunc(results, func(r *result) bool { return r.why == "" }) {
		return results, nil
	}
	in, err := b.input(ctx, c)
	if err != nil {
		return nil, err
	}
	for round := range b.rounds {
		for _, r := range results {
			if r.why != "" {
				continue
			}
			f, err := b.measure(ctx, r.contestant, in, round == 0)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", r.name, err)
			}
			b.log("%s: %.2f s, %.2f s of CPU, %d MiB, %d bytes", r.name, f.wall.Seconds(), f.cpu.Seconds(), f.peak>>20, f.bytes)
			r.runs = append(r.runs, f)
		}
	}
	return results, nil
}

// unable returns why a contestant cannot be measured here, or nothing.
func (c contestant) unable() string {
	if c.missing != "" {
		return c.missing
	}
	for _, program := range c.programs {
		if _, err := exec.LookPath(program); err != nil {
			return program + " is not installed"
		}
	}
	return ""
}

// input returns what a contest reads.
func (b *bench) input(ctx context.Context, c contest) (string, error) {
	if c.from == "" {
		return c.data.folder(b.dir, b.sizes)
	}
	for _, other := range contests() {
		for _, one := range other.ours {
			if one.name != c.from {
				continue
			}
			in, err := other.data.folder(b.dir, b.sizes)
			if err != nil {
				return "", err
			}
			out := filepath.Join(b.dir, "input.archive")
			_, err = b.spend(ctx, one, in, out)
			return out, err
		}
	}
	return "", fmt.Errorf("nobody is called %q", c.from)
}

// measure runs a contestant once. If check is set its output is opened by the peers' tools.
func (b *bench) measure(ctx context.Context, c contestant, in string, check bool) (figures, error) {
	out := filepath.Join(b.dir, "output.archive")
	defer func() { _ = os.Remove(out) }()
	f, err := b.spend(ctx, c, in, out)
	if err != nil || c.opened == "" {
		return f, err
	}
	info, err := os.Stat(out)
	if err != nil {
		return f, err
	}
	f.bytes = info.Size()
	if check {
		err = command(ctx, "sh", []string{"-c", c.opened}, in, out).Run()
	}
	if err != nil {
		err = fmt.Errorf("its output cannot be read: %w", err)
	}
	return f, err
}

// spend runs a contestant and returns what that took, without looking at its output.
func (b *bench) spend(ctx context.Context, c contestant, in, out string) (figures, error) {
	if err := os.Remove(out); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return figures{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return figures{}, err
	}
	name, args := "sh", []string{"-c", c.shell}
	if c.do != nil {
		name, args = self, []string{"do", c.name}
	}
	cmd := command(ctx, name, args, in, out)
	var said, told bytes.Buffer
	cmd.Stderr = &said
	if c.timed {
		cmd.Stdout = &told
	}
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return figures{}, fmt.Errorf("%w: %s", err, said.Bytes())
	}
	took, err := tookItself(told.Bytes(), time.Since(began))
	if err != nil {
		return figures{}, err
	}
	state := cmd.ProcessState
	return figures{wall: took, cpu: state.UserTime() + state.SystemTime(), peak: peakOf(state)}, nil
}

func command(ctx context.Context, name string, args []string, in, out string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "IN="+in, "OUT="+out)
	cmd.Stderr = os.Stderr
	return cmd
}

// tookItself returns how long the work took by what its process has said, or wall.
func tookItself(said []byte, wall time.Duration) (time.Duration, error) {
	if said = bytes.TrimSpace(said); len(said) == 0 {
		return wall, nil
	}
	return time.ParseDuration(string(said))
}
