package sections

import (
	"context"
	"errors"
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
		for file, err := range list(ctx, scope) {
			if err == nil {
				err = CopyFile(ctx, sink, fsys, file)
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
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	f, modified, err := openSource(fsys, file.Source)
	if err != nil {
		return skip(sink, file, &export.SourceError{Name: file.Name, Err: err})
	}
	defer f.Close()
	if !keepTime {
		modified = time.Time{}
	}
	err = export.BinaryModified(sink, file.Name, f, modified)
	var badName *export.NameError
	var badSource *export.SourceError
	switch {
	case errors.Is(err, export.ErrSinkFailed):
		return err
	case errors.As(err, &badName):
		sink.Skip(file.Source, badName)
	case errors.As(err, &badSource):
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return skip(sink, file, &export.SourceError{Name: file.Name, Err: unreadable(err)})
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

// openSource opens the file that a path in data means. The error has a public text.
func openSource(fsys fs.FS, source string) (f fs.File, modified time.Time, err error) {
	name, err := sourcePath(source)
	if err != nil {
		return nil, modified, err
	}
	f, err = openRegular(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, modified, notFound(fsys, name, err)
	}
	if err != nil {
		return nil, modified, unreadable(err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, modified, unreadable(errors.Join(err, f.Close()))
	}
	return f, info.ModTime(), nil
}

var (
	errFolder     = errors.New("sections: is a folder")
	errNotRegular = errors.New("sections: is not a regular file")
)

// openRegular opens a file, and fails if it is not regular. If the file system has a Stat
// it asks that first: opening a named pipe would wait for somebody to write to it.
func openRegular(fsys fs.FS, name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	if fsys, ok := fsys.(fs.StatFS); ok {
		info, err := fsys.Stat(name)
		if err == nil {
			err = checkRegular(info)
		}
		if err != nil {
			return nil, err
		}
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = checkRegular(info)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
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
	}
	return export.WithPublic(err, reason)
}
