package sections

import (
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"time"
)

const (
	errChanged = fileError("sections: the file has changed while it was read")
	errShort   = fileError("sections: the file is shorter than its size")
)

// steady reads a file up to the size that it had when it was opened, and fails at its end if it
// is not what it was. So a file is whole in the archive, or not in it.
type steady struct {
	file   fs.File
	opened fs.FileInfo
	size   int64 // when it was opened: an fs.FileInfo may tell what is now
	time   time.Time
	fsys   fs.FS
	name   string

	sum     maphash.Hash
	read    int64
	unsized bool // the file has more than its size says: it is read to its end

	before *start // what an earlier try has read, if the file had grown then
	same   bool   // this one has read the same
	grown  *start // what this one has read, if the file has grown
	cut    bool   // the file has grown, and nothing else
}

// start is the beginning of a file.
type start struct {
	size int64
	sum  uint64
}

func newSteady(f fs.File, opened fs.FileInfo, fsys fs.FS, name string, seed maphash.Seed, before *start) *steady {
	s := &steady{file: f, opened: opened, size: opened.Size(), time: opened.ModTime(), fsys: fsys, name: name, before: before}
	s.sum.SetSeed(seed)
	s.add(nil)
	return s
}

// add notes what was read, and compares it with what an earlier try has read as soon as it is
// as much.
func (s *steady) add(p []byte) {
	_, _ = s.sum.Write(p) // it never fails
	s.read += int64(len(p))
	if s.before != nil && s.read == s.before.size {
		s.same = s.sum.Sum64() == s.before.sum
	}
}

// Read implements [io.Reader].
func (s *steady) Read(p []byte) (int, error) {
	left := s.size - s.read
	if len(p) == 0 || left <= 0 && !s.unsized {
		return s.end(p)
	}
	if s.before != nil && s.read < s.before.size {
		left = min(left, s.before.size-s.read) // to compare there
	}
	if !s.unsized {
		p = p[:min(int64(len(p)), left)]
	}
	n, err := s.file.Read(p)
	if n > 0 {
		s.add(p[:min(n, len(p))])
	}
	if err != io.EOF { //nolint:errorlint // as io.Reader has it
		return n, err
	}
	return n, s.ended()
}

// end looks whether there is anything behind the size that the file had.
func (s *steady) end(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if s.size > 0 && s.isThere() { // what has a size has no more
		return 0, io.EOF
	}
	n, err := s.file.Read(p[:1])
	if n <= 0 {
		if err == nil || err == io.EOF { //nolint:errorlint // as io.Reader has it
			err = s.ended()
		}
		return 0, err
	}
	now, err := s.file.Stat()
	switch {
	case err != nil:
		return 0, err
	case now.Size() > s.size:
		return 0, s.more()
	case !s.is(now):
		return 0, errChanged
	}
	s.unsized = true // as of a file system that does not tell sizes
	return 1, nil
}

// ended returns io.EOF when all was read, if the file is what it was.
func (s *steady) ended() error {
	if s.read == s.size && s.isThere() {
		return io.EOF
	}
	now, err := s.file.Stat()
	switch {
	case err != nil:
		return err
	case now.Size() > s.size && s.read == s.size:
		return s.more()
	case !s.is(now):
		return errChanged
	case s.read < s.size:
		return errShort
	case s.isReplaced():
		return errChanged
	}
	return io.EOF
}

// more returns io.EOF if the file has only grown: an earlier try has read the same.
func (s *steady) more() error {
	if s.cut = s.same; s.cut {
		return io.EOF
	}
	s.grown = &start{s.read, s.sum.Sum64()}
	return errChanged
}

// isThere reports whether the file that was opened has the name now, and is what it was. It
// reports false if that cannot be told.
func (s *steady) isThere() bool {
	if !s.ofSystem() {
		return false
	}
	now, ok := s.named()
	return ok && os.SameFile(s.opened, now) && s.is(now)
}

// isReplaced reports whether another file has the name now. A file that is gone was whole.
func (s *steady) isReplaced() bool {
	now, ok := s.named()
	if !ok {
		return false
	}
	if s.ofSystem() {
		return !os.SameFile(s.opened, now)
	}
	return !s.is(now)
}

// named returns what has the name of the file now, if that can be told.
func (s *steady) named() (fs.FileInfo, bool) {
	fsys, ok := s.fsys.(fs.StatFS)
	if !ok {
		return nil, false
	}
	now, err := fsys.Stat(s.name)
	return now, err == nil
}

// ofSystem reports whether the file is one of this system, which tells files apart.
func (s *steady) ofSystem() bool { return os.SameFile(s.opened, s.opened) }

// is reports whether a file is what it was, as far as that can be told.
func (s *steady) is(now fs.FileInfo) bool { return now.Size() == s.size && now.ModTime().Equal(s.time) }
