package kittest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/orgexport/orgexport/export"
)

// Memory keeps contents under ids. Spools and destinations in memory are made of
// it. Its zero value is empty and ready for use. It is safe for concurrent use.
type Memory[K comparable] struct {
	mu       sync.Mutex
	contents map[K][]byte
}

// Put stores what write writes, unless write fails or ctx ends before it returns.
func (m *Memory[K]) Put(ctx context.Context, id K, write func(io.Writer) error) error {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.contents == nil {
		m.contents = make(map[K][]byte)
	}
	m.contents[id] = b.Bytes()
	return nil
}

// Open returns a reader of the content, or [export.ErrNotFound].
func (m *Memory[K]) Open(id K) (io.ReadSeekCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.contents[id]
	if !ok {
		return nil, fmt.Errorf("%w: %v", export.ErrNotFound, id)
	}
	r := bytes.NewReader(b)
	return struct {
		io.ReadSeeker
		io.Closer
	}{r, io.NopCloser(r)}, nil
}

// Size returns the length of the content, or [export.ErrNotFound].
func (m *Memory[K]) Size(id K) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.contents[id]
	if !ok {
		return 0, fmt.Errorf("%w: %v", export.ErrNotFound, id)
	}
	return int64(len(b)), nil
}

// Delete removes the content, if there is one.
func (m *Memory[K]) Delete(id K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.contents, id)
}

// List returns the ids for which of reports true, in no order.
func (m *Memory[K]) List(of func(K) bool) []K {
	m.mu.Lock()
	defer m.mu.Unlock()
	var ids []K
	for id := range m.contents {
		if of(id) {
			ids = append(ids, id)
		}
	}
	return ids
}
