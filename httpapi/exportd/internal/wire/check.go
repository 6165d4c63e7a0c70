package wire

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/sections"
	"github.com/orgexport/orgexport/sections/sqlite"
	"github.com/orgexport/orgexport/sign"
)

// Checked is what a check has found.
type Checked struct {
	File     config.FileErrors // mistakes of the file: it names what is not there
	Source   config.FileErrors // what databases say, which may be other than the file expects
	Warnings []Warning         // what may be meant so
	Queries  int               // of sections and of the organization
}

// Check tries every folder and database that a configuration names, and has every query
// prepared. Nothing is exported, and no table changed. The configuration may be one with
// mistakes: what they are about is left out.
func Check(ctx context.Context, c *config.Config) Checked {
	var found Checked
	for _, p := range c.Warnings() {
		found.Warnings = append(found.Warnings, Warning{Problem: p})
	}
	s := &Setup{assets: make(assetSources)}
	defer s.Close()                        //nolint:errcheck // it was only read
	quiet := slog.New(slog.DiscardHandler) // problems are what is said
	s.openAssets(c, quiet)
	if c.Scratch.Line > 0 {
		s.check(c, c.Scratch.Line, checkWritable(c.Scratch.Value))
	}
	s.checkServer(c)
	if c.Database.Line > 0 {
		s.openDatabase(c)
	}
	if s.source != nil {
		db := &asked{source: s.source}
		for _, p := range checkSource(ctx, c, db) {
			found.Source = append(found.Source, p.problem)
		}
		if len(found.Source) == 0 {
			found.Warnings = append(found.Warnings, checkRights(ctx, c, db)...)
			problem, warnings := checkSnapshot(ctx, c, db)
			if found.Warnings = append(found.Warnings, warnings...); problem != nil {
				found.Source = append(found.Source, *problem)
			}
		}
	}
	found.Source = append(found.Source, s.checkObjects(ctx, c)...)
	for _, problem := range []*config.Problem{checkJobs(ctx, c, s), checkBucket(ctx, c)} {
		if problem != nil {
			found.Source = append(found.Source, *problem)
		}
	}
	found.File = s.problems
	found.Queries = 1
	for _, section := range c.Sections {
		found.Queries += len(section.Records)
		for _, a := range section.Assets {
			if !a.All {
				found.Queries++
			}
		}
	}
	return found
}

// checkServer tries what only the server needs, if the file names it: defaults are made.
func (s *Setup) checkServer(c *config.Config) {
	if folder := c.Archives.Folder; folder.Line > 0 {
		s.check(c, folder.Line, checkWritable(existing(folder.Value)))
	}
	switch signing := c.Signing; {
	case signing.Keys != "":
		if _, err := sign.ReadKeys("", strings.NewReader(signing.Keys)); err != nil {
			s.problems = append(s.problems, config.Problem{File: "$ORGEXPORT_SIGNING_KEYS", Message: strings.TrimPrefix(err.Error(), "sign: ")})
		}
	case signing.KeyFile.Line > 0:
		_, err := openKeys(signing)
		s.check(c, signing.KeyFile.Line, err)
	}
}

// existing returns the folder, or the first one above it that is there.
func existing(folder string) string {
	for {
		if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
			return folder
		}
		above := filepath.Dir(folder)
		if above == folder {
			return folder
		}
		folder = above
	}
}

// checkWritable returns an error if files cannot be made in a folder.
func checkWritable(folder string) error {
	if err := checkFolder(folder); err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, ".exportd-check-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// checkJobs tries the database of jobs, if the file names one. It is not made, and its
// tables are not changed.
func checkJobs(ctx context.Context, c *config.Config, s *Setup) *config.Problem {
	database := c.Jobs.Database
	if database.Line == 0 {
		return nil
	}
	fail := func(err error) {
		s.problems = append(s.problems, c.DatabaseProblem(database, err.Error()))
	}
	var jobs source
	var err error
	if database.Dialect == sections.Postgres {
		jobs, err = openPostgres(database.Address)
	} else {
		if _, err = os.Stat(database.Address); errors.Is(err, fs.ErrNotExist) { // it will be made
			folder := filepath.Dir(database.Address)
			if makesFolder(c, folder) {
				folder = existing(folder)
			}
			if err := checkWritable(folder); err != nil {
				fail(err)
			}
			return nil
		}
		jobs, err = sqlite.Open(database.Address)
	}
	if err != nil {
		fail(err)
		return nil
	}
	defer jobs.Close() //nolint:errcheck // it was only read
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if err := jobs.Ping(ctx); err != nil {
		problem := c.DatabaseProblem(database, "the database of jobs does not answer: "+withoutPackage(err))
		return &problem
	}
	if isDemos(ctx, jobs) {
		s.problems = append(s.problems, otherPurpose(c))
	}
	return nil
}

// isDemos tells whether a database of jobs is known to be a demo's. One that has no tables
// yet, or older ones, is not.
func isDemos(ctx context.Context, jobs source) (is bool) {
	_ = jobs.Query(ctx, "SELECT id FROM orgexport_identity WHERE demo", nil, func(_ []string, rows iter.Seq2[[]any, error]) error {
		for _, err := range rows {
			is = is || err == nil
		}
		return nil
	})
	return is
}
