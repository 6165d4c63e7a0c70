package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export/verify"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
)

const inputHelp = `FILE is an archive, whoever made it, or - for one on standard input. Its format
is one of those listed below. It is found by what the archive begins with, or
else by its name, unless --format tells it.`

// inputFormatFlag is the --format of a command that reads an archive.
func inputFormatFlag(c *cobra.Command, format *string) {
	addFormatFlag(c, format, "", "`FORMAT` of the archive, if it is not to be found out", config.Formats())
}

// input is an archive that a command reads.
type input struct {
	name   string // for messages
	file   *os.File
	src    io.Reader // the file, or what it is read through
	size   int64     // 0 if it is not known
	format archive.Format
}

// openInput opens an archive of the format named, or that it seems to be of.
func openInput(name, format string) (_ *input, err error) {
	in := &input{name: name, file: os.Stdin}
	if format != "" {
		if in.format, err = formatOf(format, config.Formats()); err != nil {
			return nil, err
		}
	}
	if name == "-" {
		// Others may have read the beginning of it, so that places in it are
		// not those of the archive.
		in.name, in.src = "standard input", struct{ io.Reader }{in.file}
	} else {
		if in.file, err = os.Open(name); err != nil {
			return nil, err
		}
		in.src = in.file
	}
	if err := in.prepare(); err != nil {
		in.close()
		return nil, err
	}
	return in, nil
}

func (in *input) prepare() error {
	info, err := in.file.Stat()
	if err != nil {
		return err
	}
	if info.IsDir() {
		return fmt.Errorf("%s is a folder", in.name)
	}
	if info.Mode().IsRegular() {
		in.size = info.Size()
	}
	if in.format != nil {
		return nil
	}
	format, src, err := verify.Detect(in.src, config.Formats()...)
	switch {
	case err == nil:
		in.format, in.src = format, src
		return nil
	case !errors.Is(err, verify.ErrFormat):
		return err
	}
	for _, f := range config.Formats() { // then its very beginning is damaged
		if strings.HasSuffix(in.name, "."+f.Extension()) {
			in.format = f
			return nil
		}
	}
	return fmt.Errorf("%s is no archive of the formats %s", in.name, strings.Join(config.FormatNames(config.Formats()), ", "))
}

// close closes the archive; nothing is lost if that fails.
func (in *input) close() { _ = in.file.Close() }

// each calls fn with each file of the archive, which it may read.
func (in *input) each(ctx context.Context, fn func(archive.Header, io.Reader) error) error {
	return untilDone(ctx, func() (err error) {
		r, err := in.format.NewReader(in.src, archive.ReadOptions{})
		if err != nil {
			return err
		}
		defer func() {
			if cerr := r.Close(); err == nil {
				err = cerr
			}
		}()
		for ctx.Err() == nil {
			h, err := r.Next()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err == nil && !h.Folder {
				err = fn(h, r)
			}
			if err != nil {
				return err
			}
		}
		return context.Cause(ctx)
	})
}

// untilDone calls fn and waits for it, but not for ever once ctx has ended: a
// pipe that nobody writes to cannot be told to stop, nor can one large file.
func untilDone(ctx context.Context, fn func() error) error {
	const grace = time.Second
	done := make(chan error, 1)
	go func() { done <- fn() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(grace):
		return context.Cause(ctx)
	}
}

// whole turns an error into a failure, status 1, if the archive itself is to
// blame. Status 2 is left for what could not be read.
func whole(err error) error {
	if errors.Is(err, archive.ErrDamaged) || errors.Is(err, archive.ErrUnsafe) || errors.Is(err, archive.ErrBomb) {
		return &failure{err}
	}
	return err
}

// shown is a name of an archive as it may be shown on a terminal: with quotes,
// if it has anything in it that cannot be seen or moves what can.
func shown(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }) {
		return strconv.QuoteToGraphic(name)
	}
	return name
}
