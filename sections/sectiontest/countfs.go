package sectiontest

import (
	"io/fs"
	"sync"
	"sync/atomic"
)

// CountFS returns fsys with a function that tells how many of its files are
// open.
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
