package sections

import (
	"io/fs"
	"os"
	"path"
	"time"
)

// nearby are the files of a root for one run of a section, which keeps the folder of the last
// file open: those that follow are mostly in it, too, and cost less then. What is not found
// that way is looked for from the root, as a link may lead into another folder of it. One
// goroutine may use it at a time.
type nearby struct {
	rootFS
	name   string // of the folder that is open
	folder *os.Root
	since  time.Time // when it was opened
}

// nearbyFor is how long a folder is kept open. One that is moved, such as to another
// organization, or of which another has taken the place, is not read for longer.
const nearbyFor = time.Second

// near returns the files of fsys for one run of a section, and what ends their use.
func near(fsys fs.FS) (files fs.FS, done func()) {
	var root rootFS
	switch f := fsys.(type) {
	case rootFS:
		root = f
	case closingFS:
		root = f.rootFS
	default:
		return fsys, func() {}
	}
	n := &nearby{rootFS: root}
	return n, n.leave
}

// leave closes the folder.
func (n *nearby) leave() {
	if n.folder != nil {
		_ = n.folder.Close() // it was only read
	}
	n.folder = nil
}

// enter opens the folder of a file. The result is nil if that is the root itself, or cannot
// be opened.
func (n *nearby) enter(name string) *os.Root {
	dir := path.Dir(name)
	if dir == n.name && time.Since(n.since) < nearbyFor {
		return n.folder
	}
	n.leave()
	if n.name, n.since = dir, time.Now(); dir == "." {
		return nil
	}
	folder, err := n.root.OpenRoot(dir)
	if err != nil {
		return nil
	}
	n.folder = folder
	return folder
}

// Open implements [fs.FS].
func (n *nearby) Open(name string) (fs.File, error) {
	if fs.ValidPath(name) {
		if folder := n.enter(name); folder != nil {
			if f, err := (rootFS{root: folder}).Open(path.Base(name)); err == nil {
				return f, nil
			}
		}
	}
	return n.rootFS.Open(name)
}

// Stat implements [fs.StatFS].
func (n *nearby) Stat(name string) (fs.FileInfo, error) {
	if fs.ValidPath(name) {
		if folder := n.enter(name); folder != nil {
			if info, err := folder.Stat(path.Base(name)); err == nil {
				return info, nil
			}
		}
	}
	return n.rootFS.Stat(name)
}
