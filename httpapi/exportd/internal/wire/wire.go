// Package wire makes an engine of a configuration: it opens the database and
// the folders that the file names.
package wire

import (
	"database/sql"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/sections"
)

// grace is short: who stops a command waits for it.
const grace = 2 * time.Second

// Setup is what a configuration stands for. It must be closed.
type Setup struct {
	Engine *export.Engine

	organization export.Section
	db           *sql.DB
	folders      map[string]*os.Root // by path
	problems     config.FileErrors
}

// Open opens what is exported. Parts go to the spool; nil means an ephemeral
// one. The error is [config.FileErrors] if something that the file names is not
// there.
func Open(c *config.Config, spool export.Spool, logger *slog.Logger) (_ *Setup, err error) {
	s := &Setup{folders: make(map[string]*os.Root)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	s.openFolders(c)
	s.openDatabase(c)
	if c.Scratch.Line > 0 {
		s.check(c, c.Scratch.Line, checkFolder(c.Scratch.Value))
	}
	if err := s.problems.Err(); err != nil {
		return nil, err
	}
	if s.organization, err = sections.NewSQL(c.OrganizationSQL(s.db)); err != nil {
		return nil, err
	}
	s.Engine, err = s.newEngine(c, spool, logger)
	return s, err
}

// Close closes the database and the folders. It may be called once.
func (s *Setup) Close() error {
	var errs []error
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	for _, root := range s.folders {
		errs = append(errs, root.Close())
	}
	return errors.Join(errs...)
}

// check notes that a line of the file names something that cannot be used.
func (s *Setup) check(c *config.Config, line int, err error) {
	if err != nil {
		s.problems = append(s.problems, config.Problem{File: c.File, Line: line, Message: err.Error()})
	}
}

// openFolders opens each folder of assets once. Nothing outside of it can be
// reached through it.
func (s *Setup) openFolders(c *config.Config) {
	for _, section := range c.Sections {
		for _, assets := range section.Assets {
			folder := assets.Folder.Value
			if s.folders[folder] != nil {
				continue
			}
			root, err := os.OpenRoot(folder)
			if err != nil {
				s.check(c, assets.Folder.Line, err)
				continue
			}
			s.folders[folder] = root
		}
	}
}

func checkFolder(path string) error {
	root, err := os.OpenRoot(path)
	if err != nil {
		return err
	}
	return root.Close()
}

func (s *Setup) newEngine(c *config.Config, spool export.Spool, logger *slog.Logger) (*export.Engine, error) {
	engine := export.Config{
		Prefix:          c.Prefix.Value,
		Concurrency:     c.Concurrency,
		SectionTimeout:  c.SectionTimeout,
		Grace:           grace,
		MaxSectionBytes: c.MaxSectionBytes,
		MaxArchiveBytes: c.MaxArchiveBytes,
		MinFreeBytes:    c.MinFreeBytes,
		Scratch:         c.Scratch.Value,
		Spool:           spool,
		Level:           c.Level,
		RawCSV:          c.RawCSV,
		Logger:          logger,
		Options:         make(map[string]export.SectionOptions),
	}
	for _, section := range c.Sections {
		made, err := sections.NewSQL(section.SQL(s.db, c.Database.Dialect, func(folder config.Text) fs.FS {
			return s.folders[folder.Value].FS()
		}))
		if err != nil {
			return nil, err
		}
		engine.Sections = append(engine.Sections, made)
		engine.Options[section.Key.Value] = export.SectionOptions{
			Required: section.Required,
			Timeout:  section.Timeout,
			MaxBytes: section.MaxBytes,
		}
	}
	return export.New(engine)
}
