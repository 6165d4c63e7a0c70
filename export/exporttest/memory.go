package exporttest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/orgexport/orgexport/export"
)

// memory keeps contents under ids: what [MemSpool] and [MemDestination] have in
// common.
type memory[K comparable] struct {
	mu       sync.Mutex
	contents map[K][]byte
}

func (m *memory[K]) put(ctx context.Context, id K, write func(io.Writer) error) error {
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

func (m *memory[K]) open(id K) (io.ReadSeekCloser, error) {
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

func (m *memory[K]) delete(id K) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.contents, id)
}

func (m *memory[K]) list(of func(K) bool) []K {
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
