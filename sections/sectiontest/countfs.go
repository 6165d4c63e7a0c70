package sectiontest

import (
	"io/fs"
	"sync"
	"sync/atomic"
)

// CountFS returns a file system with the files of fsys, and a function that returns how
// many of these are open. Both are safe for concurrent use if fsys is.
func CountFS(fsys fs.FS) (fs.FS, func() int) {
	c := &countFS{fsys: fsys}
	return c, func() int { return int(c.open.Load()) }
}

type countFS struct {
	fsys fs.FS
	open atomic.Int64
}

func (c *countFS) Open(name string) (fs.File, error) {
	f, err := c.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	c.open.Add(1)
	return &countedFile{File: f, closed: sync.OnceFunc(func() { c.open.Add(-1) })}, nil
}

func (c *countFS) Stat(name string) (fs.FileInfo, error) { return fs.Stat(c.fsys, name) }

type countedFile struct {
	fs.File
	closed func()
}

func (f *countedFile) Close() error {
	f.closed()
	return f.File.Close()
}
