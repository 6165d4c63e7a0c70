package export

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/orgexport/orgexport/archive"
)

// TempSpool is an ephemeral [Spool]: it keeps parts in temporary files that are
// gone when they are deleted or the process ends, however it ends. Make one
// with [NewTempSpool]. It is safe for concurrent use.
type TempSpool struct {
	dir   string
	mu    sync.Mutex
	parts map[PartID]*tempPart
}

// tempPart is a sealed part; its file is closed with the last user.
type tempPart struct {
	file  *archive.TempFile
	size  int64
	users int // under TempSpool.mu
}

// NewTempSpool returns a spool whose files are in dir, by default
// [os.TempDir].
func NewTempSpool(dir string) *TempSpool {
	return &TempSpool{dir: dir, parts: make(map[PartID]*tempPart)}
}

// Put implements [Spool].
func (s *TempSpool) Put(ctx context.Context, id PartID, write func(io.Writer) error) (err error) {
	file, err := archive.NewTempFile(s.dir)
	if err != nil {
		return fmt.Errorf("export: spool: %w", err)
	}
	sealed := false
	defer func() { // also when write panics
		if !sealed {
			_ = file.Close() // an abandoned part is of no use
		}
	}()
	out := bufio.NewWriterSize(file, 256<<10)
	if err := write(out); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("export: spool: %w", err)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	size, err := file.Seek(0, io.SeekCurrent)
	if err != nil {
		return fmt.Errorf("export: spool: %w", err)
	}
	sealed = true
	s.replace(id, &tempPart{file: file, size: size, users: 1})
	return nil
}

// Open implements [Spool].
func (s *TempSpool) Open(_ context.Context, id PartID) (io.ReadSeekCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.parts[id]
	if !ok {
		return nil, fmt.Errorf("%w: part of section %q", ErrNotFound, id.Section)
	}
	p.users++
	return &tempReader{io.NewSectionReader(p.file, 0, p.size), s, p, sync.Once{}}, nil
}

// Delete implements [Spool].
func (s *TempSpool) Delete(_ context.Context, id PartID) error {
	s.replace(id, nil)
	return nil
}

// List implements [Spool].
func (s *TempSpool) List(_ context.Context, jobID string) ([]PartID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []PartID
	for id := range s.parts {
		if id.JobID == jobID {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// FreeSpace implements [FreeSpacer].
func (s *TempSpool) FreeSpace() (int64, error) {
	if s.dir == "" {
		return FreeSpace(os.TempDir())
	}
	return FreeSpace(s.dir)
}

// replace puts a part, or none, in the place of the one there is.
func (s *TempSpool) replace(id PartID, p *tempPart) {
	s.mu.Lock()
	old, ok := s.parts[id]
	if p == nil {
		delete(s.parts, id)
	} else {
		s.parts[id] = p
	}
	s.mu.Unlock()
	if ok {
		s.leave(old)
	}
}

func (s *TempSpool) leave(p *tempPart) {
	s.mu.Lock()
	p.users--
	last := p.users == 0
	s.mu.Unlock()
	if last {
		_ = p.file.Close() // read only by now: nothing can be lost
	}
}

type tempReader struct {
	*io.SectionReader
	spool *TempSpool
	part  *tempPart
	once  sync.Once
}

func (r *tempReader) Close() error {
	r.once.Do(func() { r.spool.leave(r.part) })
	return nil
}
