package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/wire"
)

const scrubHelp = `Scrub reads the archives of all completed exports again and compares each with
what was made, by its size and SHA-256. Servers and workers may run meanwhile. On
Linux the bytes come from the disk, not from memory. Run it from time to time,
such as once a week by a timer, on one machine that has the archives.

Every bad archive is a line on standard output: the job, its organization and what
is wrong. Such an export stays completed, but gets no download links any more, and
its links that are out do not work; orgexport_archives_damaged counts them until
they are deleted. It can be requested again. If an archive was restored, from a
backup or because its disk is there again, the next scrub lets it have links. An
archive that cannot be read is a line, too, but may be whole.

--rate keeps it from slowing others down: so many bytes are read in a second.

Exit status:
  0  all archives are whole
  1  an archive is bad or cannot be read, or the scrub failed
  2  wrong usage or configuration`

// scrubOptions are the flags of scrub.
type scrubOptions struct {
	serverOptions
	rate byteRate
}

func scrubCommand() *cobra.Command {
	var o scrubOptions
	c := newCommand("scrub [--config FILE] [flags]", "Read all archives again, to find damaged ones", scrubHelp, o.scrub)
	o.flags(c)
	c.Flags().Var(&o.rate, "rate", "read at most so much in a second, such as 50MB/s (default: as fast as it goes)")
	o.logging.flags(c, slog.LevelInfo)
	return c
}

// byteRate is a flag that is a number of bytes in a second.
type byteRate int64

// Set implements [pflag.Value].
func (r *byteRate) Set(text string) error {
	size, err := config.ParseSize(strings.TrimSuffix(text, "/s"))
	*r = byteRate(size)
	return err
}

func (r *byteRate) String() string {
	if *r == 0 {
		return ""
	}
	return fmt.Sprintf("%dB/s", *r)
}

// Type implements [pflag.Value].
func (*byteRate) Type() string { return "rate" }

func (o *scrubOptions) scrub(ctx context.Context) error {
	c, err := o.load(ctx)
	if err != nil {
		return err
	}
	var printing error
	result, err := wire.Scrub(ctx, c, o.logger(c), jobs.ScrubOptions{Rate: int64(o.rate), Found: func(job jobs.Job, err error) {
		_, failure := fmt.Printf("%s  organization %s: %s\n", job.ID, job.Organization.ID, shown(err.Error()))
		printing = errors.Join(printing, failure)
	}})
	if err = errors.Join(err, printing); err != nil {
		return failed(err)
	}
	if !result.Good() {
		return failed(fmt.Errorf("%d of %d archives are bad: %d damaged, %d missing, %d cannot be read",
			result.Damaged+result.Missing+result.Unread, result.Checked+result.Unread, result.Damaged, result.Missing, result.Unread))
	}
	_, err = fmt.Printf("%d %s whole, %d bytes read\n", result.Checked, plural(result.Checked, "archive is", "archives are"), result.Bytes)
	return failed(err)
}
