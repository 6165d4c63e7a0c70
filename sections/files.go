package sections

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"iter"
	"time"

	"github.com/orgexport/orgexport/export"
)

// File is a file to copy into the archive.
type File struct {
	Source string // path in the fs.FS; see CopyFile
	Name   string // path in the archive, below the section's folder
}

// FromFiles returns a section that copies the files that list yields, by [CopyFile]. An
// error that list yields ends the section.
func FromFiles(key string, fsys fs.FS, list func(ctx context.Context, scope export.Scope) iter.Seq2[File, error]) export.Section {
	run := func(ctx context.Context, scope export.Scope, sink export.Sink) error {
		files, done := near(fsys)
		defer done()
		for file, err := range list(ctx, scope) {
			if err == nil {
				err = CopyFile(ctx, sink, files, file)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	return &section{key: key, run: run, digest: digest(origin(fsys))}
}

// CopyFile puts a file of fsys into the sink. A file that is missing, is a folder, cannot
// be read or has a name that the sink refuses is skipped: [export.Sink.Skip] gets its source
// path, and a reason that customers may see. CopyFile returns an error only if the sink has
// failed, ctx has ended or the machine is at fault, and not the file (see
// [export.MachineFault]): the folder has gone away, or no descriptor is free. The section
// returns that error.
//
// A file in the archive is one that was there, as far as sizes and modification times tell: one
// that is shortened, written or replaced while it is copied is read once more, and skipped if
// that happens again. A file that only grows has the size that it had when it was opened the
// second time, and an [export.Note] that says so. What fsys has no modification times for, or
// no Stat, is compared by the rest.
//
// What is no regular file is skipped. With a [RootFS] that never waits; other file systems are
// asked before it is opened, if they have a Stat, and a named pipe that takes the place of a
// file in between waits for somebody to write to it.
//
// The source path may be written as data has it: a slash at its beginning is fsys itself, as
// in the path of an URL, and ./a and b//c are a and b/c. A path with .. in it is refused.
//
// If the data of one organization could name the files of another, fsys must have only those
// of the one: see [AssetFiles.Folder] and [InFolder].
func CopyFile(ctx context.Context, sink export.Sink, fsys fs.FS, file File) error {
	return copyFile(ctx, sink, fsys, file, false)
}

// CopyFileWithTime is CopyFile, and the file in the archive has the time at which the source
// was modified: see [export.BinaryModified].
func CopyFileWithTime(ctx context.Context, sink export.Sink, fsys fs.FS, file File) error {
	return copyFile(ctx, sink, fsys, file, true)
}

func copyFile(ctx context.Context, sink export.Sink, fsys fs.FS, file File, keepTime bool) error {
	c := copying{sink: sink, fsys: fsys, file: file, keepTime: keepTime, seed: maphash.MakeSeed()}
	err := c.try(ctx)
	if errors.Is(err, errChanged) && ctx.Err() == nil {
		err = c.try(ctx)
	}
	var badName *export.NameError
	switch {
	case ctx.Err() != nil && !errors.Is(err, export.ErrSinkFailed):
		return context.Cause(ctx)
	case errors.As(err, &badName):
		sink.Skip(file.Source, badName)
	case errors.As(err, new(*skipError)):
		return skip(sink, file, &export.SourceError{Name: file.Name, Err: err})
	default:
		return err
	}
	return nil
}

// skip skips a file that could not be read, unless the machine is to blame: then it returns
// the error, which ends the section's run.
func skip(sink export.Sink, file File, err *export.SourceError) error {
	if export.MachineFault(err) != "" {
		return err
	}
	sink.Skip(file.Source, err.Err)
	return nil
}

// skipError is why a file is skipped.
type skipError struct{ error }

func (e *skipError) Unwrap() error { return e.error }

// copying is the copying of a file.
type copying struct {
	sink     export.Sink
	fsys     fs.FS
	file     File
	keepTime bool
	seed     maphash.Seed
	before   *start // what the first try has read, if the file only seems to grow
}

// try copies the file. The error is a skipError, or one of the sink that is no SourceError.
func (c *copying) try(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	name, err := sourcePath(c.file.Source)
	if err != nil {
		return &skipError{err}
	}
	f, info, err := openSource(c.fsys, name)
	if err != nil {
		return &skipError{err}
	}
	defer f.Close()
	var modified time.Time
	if c.keepTime {
		modified = info.ModTime()
	}
	r := newSteady(f, info, c.fsys, name, c.seed, c.before)
	err = export.BinaryModified(c.sink, c.file.Name, r, modified)
	if errors.Is(err, export.ErrSinkFailed) {
		return err
	}
	if errors.As(err, new(*export.SourceError)) {
		c.before = r.grown
		return &skipError{unreadable(err)}
	}
	if err == nil && r.cut {
		export.Note(c.sink, c.file.Name, fmt.Sprintf("The file grew while it was copied. It has the %d bytes that it had when it was opened.", r.size))
	}
	return err
}

// openSource opens a file. The error has a public text.
func openSource(fsys fs.FS, name string) (fs.File, fs.FileInfo, error) {
	f, info, err := openRegular(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, notFound(fsys, name, err)
	}
	if err != nil {
		return nil, nil, unreadable(err)
	}
	return f, info, nil
}

const (
	errFolder     = fileError("sections: is a folder")
	errNotRegular = fileError("sections: is not a regular file")
)

// fileError is what is wrong with a file, in words that are always the same.
type fileError string

func (e fileError) Error() string { return string(e) }

// LogText is what export.LogText asks for.
func (e fileError) LogText() string { return string(e) }

// openRegular opens a file, and fails if what it has opened is not regular. A file system with
// a Stat is asked that before, too, unless its Open does not wait: opening a named pipe would
// wait for somebody to write to it.
func openRegular(fsys fs.FS, name string) (fs.File, fs.FileInfo, error) {
	if !fs.ValidPath(name) {
		return nil, nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	if stat, ok := fsys.(fs.StatFS); ok && !waitsNot(fsys) {
		info, err := stat.Stat(name)
		if err == nil {
			err = checkRegular(info)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = checkRegular(info)
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}

func waitsNot(fsys fs.FS) bool {
	_, ok := fsys.(interface{ waitsNot() })
	return ok
}

// checkRegular returns errFolder or errNotRegular if a file is not regular.
func checkRegular(info fs.FileInfo) error {
	switch {
	case info.IsDir():
		return errFolder
	case !info.Mode().IsRegular():
		return errNotRegular
	}
	return nil
}

// unreadable returns err with a public text that tells customers why they do not get a
// file.
func unreadable(err error) error {
	reason := "The file could not be read."
	switch {
	case errors.Is(err, fs.ErrPermission):
		reason = "The file may not be read."
	case errors.Is(err, errFolder):
		reason = "The file is a folder."
	case errors.Is(err, errShort):
		reason = "The file is shorter than its size says."
	case errors.Is(err, errChanged):
		reason = "The file changed while it was read."
	}
	return export.WithPublic(err, reason)
}
