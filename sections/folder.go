package sections

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/orgexport/orgexport/export"
)

// folderColumns are what a template of a folder may have.
var folderColumns = []string{slugColumn, string(idParameter), string(uuidParameter), string(numberParameter)}

const slugColumn = "organization_slug"

// folderData is what a template of a folder gets. A form that the id does not have is null.
func folderData(organization export.Organization) map[string]any {
	data := map[string]any{slugColumn: organization.Slug}
	for _, p := range []parameter{idParameter, uuidParameter, numberParameter} {
		data[string(p)] = nil
		if v, err := p.value(organization.ID); err == nil {
			data[string(p)] = v
		}
	}
	return data
}

// RootFS returns the files of a folder, which nothing leads out of. Nothing leads out of a
// folder in it either that [AssetFiles.Folder] names, not even a link into another one. To
// open a named pipe or a device in it waits for nothing. It is good until root is closed.
func RootFS(root *os.Root) fs.FS { return rootFS{root.FS(), root} }

type rootFS struct {
	fsys fs.FS // the root's own
	root *os.Root
}

// Digest implements [export.Digester].
func (r rootFS) Digest() string { return r.root.Name() }

// Open implements [fs.FS]. It waits for nobody: see waitsNot.
func (r rootFS) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) || os.PathSeparator != '/' && strings.ContainsRune(name, os.PathSeparator) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	f, err := r.root.OpenFile(name, os.O_RDONLY|atOnce, 0)
	if err != nil { // a nil *os.File is no nil interface
		return nil, err
	}
	return f, nil
}

// Stat implements [fs.StatFS].
func (r rootFS) Stat(name string) (fs.FileInfo, error) { return fs.Stat(r.fsys, name) }

// waitsNot marks a file system whose Open does not wait, whatever has the name.
func (r rootFS) waitsNot() {}

// Sub implements [fs.SubFS]. What it returns is an [io.Closer].
func (r rootFS) Sub(folder string) (fs.FS, error) {
	if !fs.ValidPath(folder) {
		return nil, &fs.PathError{Op: "sub", Path: folder, Err: fs.ErrInvalid}
	}
	root, err := r.root.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	return closingFS{rootFS{root.FS(), root}}, nil
}

type closingFS struct{ rootFS }

func (c closingFS) Close() error { return c.root.Close() }

// folderFS are the files below a folder of a file system that has no Sub.
type folderFS struct {
	fsys   fs.FS
	folder string
}

func (f folderFS) Open(name string) (fs.File, error) { return f.fsys.Open(path.Join(f.folder, name)) }

// Stat implements [fs.StatFS].
func (f folderFS) Stat(name string) (fs.FileInfo, error) {
	return fs.Stat(f.fsys, path.Join(f.folder, name))
}

// noFS is a folder that cannot be opened.
type noFS struct{ err error }

func (n noFS) Open(string) (fs.File, error) { return nil, n.err }

// InFolder returns the files of a folder of fsys, such as that of an organization, and what
// ends their use. With [RootFS] nothing leads out of the folder. A folder that is not there
// has no files, and a name that is no path of a folder none either.
func InFolder(fsys fs.FS, folder string) (files fs.FS, done func()) {
	done = func() {}
	if !fs.ValidPath(folder) || folder == "." {
		return noFS{&fs.PathError{Op: "open", Path: folder, Err: fs.ErrInvalid}}, done
	}
	in, ok := fsys.(fs.SubFS)
	if !ok {
		return folderFS{fsys, folder}, done
	}
	files, err := in.Sub(folder)
	if err != nil {
		return noFS{err}, done
	}
	if c, ok := files.(io.Closer); ok {
		done = func() { _ = c.Close() } // it was only read
	}
	return files, done
}

// errNoFolder does not have the path, which is made of data.
const errNoFolder = fileError("sections: the template makes no path of a folder")

// filesOf returns the files that an organization may name, and what ends their use.
func (p *assetFiles) filesOf(organization export.Organization) (files fs.FS, done func(), err error) {
	if p.folder == nil {
		return p.fsys, func() {}, nil
	}
	folder, err := p.folderFor(organization)
	if err != nil {
		return nil, nil, err
	}
	files, done = InFolder(p.fsys, folder)
	return files, done, nil
}

// folderFor returns the path of the folder of an organization.
func (p *assetFiles) folderFor(organization export.Organization) (string, error) {
	folder, err := p.folder.of(folderData(organization))
	if err == nil && (!fs.ValidPath(folder) || folder == ".") {
		err = errNoFolder
	}
	if err != nil {
		return "", unread("folder of the organization", err)
	}
	return folder, nil
}

// folderOf parses the template of a folder.
func folderOf(source string) (*nameTemplate, error) {
	t, err := parseName(source, guardElement)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, column := range t.needs {
		if !slices.Contains(folderColumns, column) {
			errs = append(errs, fmt.Errorf("uses %q; a folder may use organization_id, organization_uuid, organization_number and organization_slug", column))
		}
	}
	return t, errors.Join(errs...)
}
