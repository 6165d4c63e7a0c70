package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/archive/xz"
	"github.com/orgexport/orgexport/archive/zstd"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/verify"
	"github.com/orgexport/orgexport/sections"
)

// exportFiles exports all files of a folder, as one section, into an archive.
func exportFiles(format archive.Format, level int) func(ctx context.Context, in, out string) error {
	return func(ctx context.Context, in, out string) error {
		root, err := os.OpenRoot(in)
		if err != nil {
			return err
		}
		defer func() { _ = root.Close() }()
		fsys := sections.RootFS(root)
		section := sections.FromFiles("files", fsys, func(context.Context, export.Scope) iter.Seq2[sections.File, error] {
			return filesOf(root.FS())
		})
		return exportTo(ctx, out, format, level, section)
	}
}

// filesOf yields the files below a folder in the order of their names.
func filesOf(fsys fs.FS) iter.Seq2[sections.File, error] {
	return func(yield func(sections.File, error) bool) {
		_ = fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				return nil
			}
			if !yield(sections.File{Source: name, Name: name}, err) {
				return fs.SkipAll
			}
			return nil
		})
	}
}

// exportMemory exports small files that are made in memory, so many times as many as there are in a
// folder.
func exportMemory(format archive.Format, times float64) func(ctx context.Context, in, out string) error {
	return func(ctx context.Context, in, out string) error {
		folders, err := os.ReadDir(in)
		if err != nil {
			return err
		}
		last, err := os.ReadDir(filepath.Join(in, folders[len(folders)-1].Name()))
		if err != nil {
			return err
		}
		files := (len(folders)-1)*1000 + len(last)
		return exportTo(ctx, out, format, 0, inMemory(max(1, int(float64(files)*times))))
	}
}

// inMemory is a section of so many small files.
type inMemory int

// Key implements [export.Section].
func (inMemory) Key() string { return "files" }

// Export implements [export.Section].
func (n inMemory) Export(_ context.Context, _ export.Scope, sink export.Sink) error {
	next := smallFile()
	for i := range int(n) {
		if err := sink.Binary(smallName(i), bytes.NewReader(next(i))); err != nil {
			return err
		}
	}
	return nil
}

// exportTo exports a section as a service does, by way of a spool in temporary files.
func exportTo(ctx context.Context, out string, format archive.Format, level int, section export.Section) (err error) {
	engine, err := export.New(export.Config{Sections: []export.Section{section}, Level: level, MinFreeBytes: -1})
	if err != nil {
		return err
	}
	file, err := os.Create(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	result, err := engine.Export(ctx, export.Request{
		Organization: export.Organization{ID: "acme", Slug: "acme"},
		JobID:        "job",
		AsOf:         time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC),
		Format:       format,
	}, file)
	if err != nil {
		return err
	}
	for _, s := range result.Sections {
		if s.Status != export.StatusOK {
			return errors.New("section is " + string(s.Status) + ": " + s.Error)
		}
	}
	return nil
}

// verifyArchive verifies an archive of orgexport, all checksums included.
func verifyArchive(ctx context.Context, in, _ string) error {
	file, err := os.Open(in)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	format, src, err := verify.Detect(file, formats()...)
	if err != nil {
		return err
	}
	report, err := verify.Verify(ctx, format, src, verify.Options{})
	if err == nil && !report.Whole() {
		err = errors.New("the archive is not whole")
	}
	return err
}

func formats() []archive.Format {
	return []archive.Format{archive.Zip(), archive.TarGz(), xz.TarXz(), zstd.TarZst()}
}

// copyInto writes a file that write fills.
func copyInto(out string, write func(io.Writer) error) error {
	file, err := os.Create(out)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(file, 256<<10)
	return errors.Join(write(buffered), buffered.Flush(), file.Close())
}
