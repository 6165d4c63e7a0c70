package export

import (
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export/record"
)

// Config is the configuration of an [Engine]. Only Sections is required.
type Config struct {
	// Sections are the sections to export, in the order of the archive. Their keys
	// are all different.
	Sections []Section

	// Options are settings of single sections, by key.
	Options map[string]SectionOptions

	// Prefix begins the name of every archive. Defaults to "export".
	Prefix string

	// Concurrency is how many sections run at once. Defaults to 4.
	Concurrency int

	// SectionTimeout is how long one run of a section may take. Defaults to one hour;
	// negative means no limit.
	SectionTimeout time.Duration

	// Reruns is how often a section is run again that a fault of the machine has ended, such
	// as a lost connection (see [MachineFault]). What a run wrote is thrown away, except that
	// of the last one: its section ends as with any other error. Each run has the whole
	// SectionTimeout. Defaults to 3; negative means never.
	Reruns int

	// RerunDelay is how long a section waits before it is run again for the first time. Then
	// it waits four times as long each time, but no more than five minutes, and up to a
	// quarter longer. Defaults to one second, which makes 1, 4 and 16 seconds.
	RerunDelay time.Duration

	// Consistency says whether all sections read the data of one moment. Those can that are a
	// [SnapshotReader], as those of sections.NewSQL on a Source of sections/postgres or
	// sections/sqlite. With [ConsistencyRequired] all have to be, and of one Snapshots.
	// Defaults to [ConsistencyBest].
	Consistency ConsistencyLevel

	// MaxSnapshotAge is how long a snapshot may be open: meanwhile PostgreSQL cannot remove
	// old versions of rows, and the log of SQLite grows. After that sections read moments of
	// their own, or the export fails if consistency is required. Queries that have begun go
	// on. Defaults to 30 minutes; negative means no limit.
	MaxSnapshotAge time.Duration

	// Grace is how long the engine waits for a section that was told to stop before
	// it gives the section up. Defaults to 10 seconds.
	Grace time.Duration

	// MaxSectionBytes bounds one section: the bytes of its files before
	// packing, plus 512 for each file; the engine's lists of skipped items,
	// notes and renamed files are some of them. Defaults to 64 GiB; negative
	// means no limit.
	MaxSectionBytes int64

	// MaxArchiveBytes bounds the finished archive. Defaults to 256 GiB;
	// negative means no limit.
	MaxArchiveBytes int64

	// MaxRecordBytes bounds one record: see [record.Options.MaxBytes]. A larger one is
	// skipped. Defaults to 64 MiB; negative means no limit.
	MaxRecordBytes int64

	// MinFreeBytes is the free space that the spool must have when an export starts.
	// Only a [FreeSpacer] is asked. Defaults to 256 MiB; negative means that free
	// space is not checked.
	MinFreeBytes int64

	// Scratch is the folder for temporary files. Defaults to [os.TempDir].
	Scratch string

	// Spool keeps parts from when they are sealed until they are joined. Defaults to
	// a [TempSpool] in Scratch.
	Spool Spool

	// Pool packs in parallel for all exports of this engine. Defaults to one
	// packer for each processor.
	Pool *archive.Pool

	// Level is the compression level, 1 to 9. Defaults to 6.
	Level int

	// RawCSV turns off the guard against spreadsheet formulas in .csv files: see
	// [record.Options.RawCSV].
	RawCSV bool

	// CSV is the form of .csv files: delimiter, byte order mark and line ends.
	CSV record.CSVForm

	// Logger gets the causes that customers do not see, as [Discreet] has them: without data,
	// and with lines of bounded length and number. What a section says in an error of its own
	// stays, so that should not be data. Defaults to [slog.Default].
	Logger *slog.Logger
}

// SectionOptions are the settings of one section. Zero fields leave the
// engine's settings in force.
type SectionOptions struct {
	// Required makes the export fail if the section does not reach ok or
	// empty.
	Required bool

	// Rename gives a file whose name is taken, too long or forbidden another one: name~2.ext,
	// or one with underscores for what is forbidden. Without it such a file is refused, as
	// [Sink] says. What is renamed is the same each time, and listed in the section's
	// _renamed.ndjson, a line with name and original for each file. A record file keeps its
	// encoding.
	Rename bool

	// Timeout replaces [Config.SectionTimeout].
	Timeout time.Duration

	// MaxBytes replaces [Config.MaxSectionBytes].
	MaxBytes int64
}

var keyPattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// withDefaults returns a copy with every documented default filled in.
func (c Config) withDefaults() Config {
	setDefault(&c.Prefix, "export")
	setDefault(&c.Concurrency, 4)
	setDefault(&c.Level, 6)
	setDefault(&c.SectionTimeout, time.Hour)
	setDefault(&c.Reruns, 3)
	setDefault(&c.RerunDelay, time.Second)
	setDefault(&c.Grace, 10*time.Second)
	setDefault(&c.Consistency, ConsistencyBest)
	setDefault(&c.MaxSnapshotAge, 30*time.Minute)
	setDefault(&c.MaxSectionBytes, 64<<30)
	setDefault(&c.MaxArchiveBytes, 256<<30)
	setDefault(&c.MaxRecordBytes, record.DefaultMaxBytes)
	setDefault(&c.MinFreeBytes, 256<<20)
	if c.Spool == nil {
		c.Spool = NewTempSpool(c.Scratch)
	}
	if c.Pool == nil {
		c.Pool = archive.NewPool(0)
	}
	c.Logger = Discreet(c.Logger)
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// validate reports all problems at once.
func (c Config) validate() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("export: "+format, args...))
	}
	if len(c.Sections) == 0 {
		bad("Config.Sections is empty")
	}
	seen := make(map[string]bool)
	for i, s := range c.Sections {
		if s == nil {
			bad("section %d is nil", i+1)
			continue
		}
		key := s.Key()
		if err := CheckKey(key); err != nil {
			errs = append(errs, err)
		}
		if seen[key] {
			bad("section key %q is used twice", key)
		}
		seen[key] = true
	}
	for key := range c.Options {
		if !seen[key] {
			bad("Config.Options names no section: %q", key)
		}
	}
	errs = append(errs, c.checkConsistency()...)
	if c.Concurrency < 1 {
		bad("Config.Concurrency is %d", c.Concurrency)
	}
	if c.Grace < 0 {
		bad("Config.Grace is negative")
	}
	if c.RerunDelay < 0 {
		bad("Config.RerunDelay is negative")
	}
	if c.Level < 0 || c.Level > 9 {
		bad("Config.Level is %d, want 1 to 9", c.Level)
	}
	if err := c.CSV.Check(); err != nil {
		errs = append(errs, err)
	}
	if cleanElement(c.Prefix) != c.Prefix {
		bad("Config.Prefix %q: use letters, digits, dots, hyphens and underscores", c.Prefix)
	}
	return errors.Join(errs...)
}

// checkConsistency tells why there can be no snapshot that all sections read, if that is
// required.
func (c Config) checkConsistency() (errs []error) {
	switch c.Consistency {
	case ConsistencyBest, ConsistencyOff:
		return nil
	case ConsistencyRequired:
	default:
		return []error{fmt.Errorf("export: Config.Consistency is %q", c.Consistency)}
	}
	var source Snapshots
	for _, s := range c.Sections {
		if s == nil {
			continue
		}
		switch of := snapshotsOf(s); {
		case of == nil:
			errs = append(errs, fmt.Errorf("export: Config.Consistency is required, and section %q reads no snapshot", s.Key()))
		case source != nil && of != source:
			errs = append(errs, fmt.Errorf("export: Config.Consistency is required, and section %q reads another database than those before it", s.Key()))
		default:
			source = of
		}
	}
	return errs
}

// limits returns the settings of one section.
func (c Config) limits(key string) SectionOptions {
	o := c.Options[key]
	setDefault(&o.Timeout, c.SectionTimeout)
	setDefault(&o.MaxBytes, c.MaxSectionBytes)
	return o
}

// CheckKey reports whether key can be the key of a section: see [Section.Key].
func CheckKey(key string) error {
	if !keyPattern.MatchString(key) {
		return fmt.Errorf("export: section key %q: use lower-case letters, digits and underscores", key)
	}
	return checkName(key)
}
