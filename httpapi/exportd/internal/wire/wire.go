// Package wire puts together what a configuration file names: the engine that
// exports, and the server with its store, queue, archives and links.
package wire

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/sections"
)

// grace is short, because whoever stops a command waits for it.
const grace = 2 * time.Second

// Setup is the part of a configuration that says what is exported. It must be closed.
type Setup struct {
	Engine *export.Engine

	organization export.Section
	source       source
	assets       assetSources
	problems     config.FileErrors
}

// Open opens the database and the sources of assets, and makes the engine. Parts go
// to the spool; nil means an ephemeral one. The error is a [config.FileErrors] if
// something that the file names is not there.
func Open(c *config.Config, spool export.Spool, logger *slog.Logger) (_ *Setup, err error) {
	s := &Setup{assets: make(assetSources)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	s.openAssets(c, logger)
	s.openDatabase(c)
	if c.Scratch.Line > 0 {
		s.check(c, c.Scratch.Line, checkFolder(c.Scratch.Value))
	}
	if err := s.problems.Err(); err != nil {
		return nil, err
	}
	if s.organization, err = sections.NewSQL(c.OrganizationSQL(s.source)); err != nil {
		return nil, err
	}
	s.Engine, err = s.newEngine(c, spool, logger)
	return s, err
}

// Close closes the database and the sources of assets. Call it once.
func (s *Setup) Close() error {
	var errs []error
	if s.source != nil {
		errs = append(errs, s.source.Close())
	}
	return errors.Join(append(errs, s.assets.Close())...)
}

// check notes an error for the line of the file that has caused it.
func (s *Setup) check(c *config.Config, line int, err error) {
	if err != nil {
		s.problems = append(s.problems, config.Problem{File: c.File, Line: line, Message: err.Error()})
	}
}

func checkFolder(path string) error {
	root, err := openFolder(path)
	if err != nil {
		return err
	}
	return root.Close()
}

// openFolder opens a folder. The error says whether there is none.
func openFolder(path string) (*os.Root, error) {
	root, err := os.OpenRoot(path)
	if err == nil {
		return root, nil
	}
	switch info, stat := os.Stat(path); {
	case errors.Is(stat, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no folder %s", path)
	case stat == nil && !info.IsDir():
		return nil, fmt.Errorf("%s is no folder, but a file", path)
	}
	return nil, err
}

func (s *Setup) newEngine(c *config.Config, spool export.Spool, logger *slog.Logger) (*export.Engine, error) {
	engine := export.Config{
		Prefix:          c.Prefix.Value,
		Concurrency:     c.Concurrency,
		SectionTimeout:  c.SectionTimeout,
		Consistency:     c.Consistency.Level,
		MaxSnapshotAge:  c.Consistency.MaxAge,
		Grace:           grace,
		MaxSectionBytes: c.MaxSectionBytes,
		MaxRecordBytes:  c.MaxRecordBytes,
		MaxArchiveBytes: c.MaxArchiveBytes,
		MinFreeBytes:    c.MinFreeBytes,
		Scratch:         c.Scratch.Value,
		Spool:           spool,
		Level:           c.Level,
		RawCSV:          c.RawCSV,
		CSV:             c.CSV,
		Logger:          logger,
		Options:         make(map[string]export.SectionOptions),
	}
	for _, section := range c.Sections {
		config := section.SQL(s.source, c.Database.Dialect, s.assets.place)
		config.Scratch = c.Scratch.Value
		made, err := sections.NewSQL(config)
		if err != nil {
			return nil, err
		}
		engine.Sections = append(engine.Sections, made)
		engine.Options[section.Key.Value] = export.SectionOptions{
			Required: section.Required,
			Rename:   section.Rename,
			Timeout:  section.Timeout,
			MaxBytes: section.MaxBytes,
		}
	}
	return export.New(engine)
}
