package jobstest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

// brokenDestination is a MemDestination of which some methods are others.
type brokenDestination struct {
	*MemDestination
	put    func(ctx context.Context, key string, write func(io.Writer) error) error
	open   func(ctx context.Context, key string) (io.ReadSeekCloser, error)
	delete func(ctx context.Context, key string) error
	list   func(ctx context.Context, prefix string) ([]string, error)
}

func breakDestination(spoil func(inner *MemDestination, d *brokenDestination)) jobs.Destination {
	m := new(MemDestination)
	d := &brokenDestination{MemDestination: m, put: m.Put, open: m.Open, delete: m.Delete, list: m.List}
	spoil(m, d)
	return d
}

func (d *brokenDestination) Put(ctx context.Context, key string, write func(io.Writer) error) error {
	return d.put(ctx, key, write)
}

func (d *brokenDestination) Open(ctx context.Context, key string) (io.ReadSeekCloser, error) {
	return d.open(ctx, key)
}

func (d *brokenDestination) Delete(ctx context.Context, key string) error { return d.delete(ctx, key) }

func (d *brokenDestination) List(ctx context.Context, prefix string) ([]string, error) {
	return d.list(ctx, prefix)
}

// set stores an object in one step.
func (m *MemDestination) set(key string, content []byte) {
	_ = m.Put(context.Background(), key, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// get returns an object, which is nobody's business.
func (m *MemDestination) get(key string) []byte {
	r, err := m.Open(context.Background(), key)
	if err != nil {
		return nil
	}
	b, _ := io.ReadAll(r)
	return b
}

// putting is a destination that puts in its own way.
func putting(put func(m *MemDestination, ctx context.Context, key string, write func(io.Writer) error) error) jobs.Destination {
	return breakDestination(func(m *MemDestination, d *brokenDestination) {
		d.put = func(ctx context.Context, key string, write func(io.Writer) error) error {
			return put(m, ctx, key, write)
		}
	})
}

// storing is a destination that stores something else than what is written.
func storing(change func([]byte) []byte) jobs.Destination {
	return putting(func(m *MemDestination, ctx context.Context, key string, write func(io.Writer) error) error {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			return err
		}
		if ctx.Err() == nil {
			m.set(key, change(b.Bytes()))
		}
		return ctx.Err()
	})
}

// opening is a destination whose readers are others.
func opening(open func(m *MemDestination, key string, r io.ReadSeekCloser, err error) (io.ReadSeekCloser, error)) jobs.Destination {
	return breakDestination(func(m *MemDestination, d *brokenDestination) {
		d.open = func(ctx context.Context, key string) (io.ReadSeekCloser, error) {
			r, err := m.Open(ctx, key)
			return open(m, key, r, err)
		}
	})
}

type deafSeeker struct{ io.ReadSeekCloser }

func (s deafSeeker) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekEnd {
		return 0, errors.New("seek from the end is not supported")
	}
	return s.ReadSeekCloser.Seek(offset, whence)
}

func TestBrokenDestinations(t *testing.T) {
	kittest.TestDefects(t, destinationPromises, slices.Concat(brokenPuts(), brokenReaders(), brokenKeys(), brokenSweeps()))
}

func brokenPuts() []kittest.Defect[jobs.Destination] {
	return []kittest.Defect[jobs.Destination]{
		{"loses the end", "ReadsBack", "the reader is broken", storing(func(b []byte) []byte { return b[:max(0, len(b)-1)] })},
		{"loses the end", "Large", "come back", storing(func(b []byte) []byte { return b[:min(len(b), 8<<20)] })},
		{"keeps nothing that is empty", "Empty", "Open: ", opening(func(m *MemDestination, key string, r io.ReadSeekCloser, err error) (io.ReadSeekCloser, error) {
			if len(m.get(key)) == 0 {
				return nil, export.ErrNotFound
			}
			return r, err
		})},
		{"stores half", "FailedPutIsInvisible", "want ErrNotFound",
			putting(func(m *MemDestination, _ context.Context, key string, write func(io.Writer) error) error {
				var b bytes.Buffer
				err := write(&b)
				m.set(key, b.Bytes())
				return err
			})},
		{"removes what was there", "FailedPutIsInvisible", "Open: ",
			putting(func(m *MemDestination, ctx context.Context, key string, write func(io.Writer) error) error {
				m.objects.Delete(key)
				return m.Put(ctx, key, write)
			})},
		{"hides the error", "FailedPutIsInvisible", "want the error of write",
			putting(func(m *MemDestination, ctx context.Context, key string, write func(io.Writer) error) error {
				if m.Put(ctx, key, write) != nil {
					return errors.New("put failed")
				}
				return nil
			})},
		{"stores on the way out", "PanickedPutIsInvisible", "want ErrNotFound",
			putting(func(m *MemDestination, _ context.Context, key string, write func(io.Writer) error) error {
				var b bytes.Buffer
				defer func() { m.set(key, b.Bytes()) }()
				return write(&b)
			})},
		{"deaf", "CancelledPutIsInvisible", "want the context's error",
			putting(func(m *MemDestination, ctx context.Context, key string, write func(io.Writer) error) error {
				return m.Put(context.WithoutCancel(ctx), key, write)
			})},
		{"writes in place", "UnfinishedPutIsInvisible", "want ErrNotFound",
			putting(func(m *MemDestination, ctx context.Context, key string, write func(io.Writer) error) error {
				m.set(key, nil)
				return m.Put(ctx, key, write)
			})},
		{"keeps the first", "Replaces", "want \"second\"",
			putting(func(m *MemDestination, ctx context.Context, key string, write func(io.Writer) error) error {
				if r, err := m.Open(ctx, key); err == nil {
					return errors.Join(r.Close(), write(io.Discard))
				}
				return m.Put(ctx, key, write)
			})},
		{"writes over the first", "Replaces", "want \"second\"", overwriting()},
		{"one temporary file for all", "Concurrent", "or of several writers", oneTemporary()},
	}
}

func overwriting() jobs.Destination {
	return putting(func(m *MemDestination, _ context.Context, key string, write func(io.Writer) error) error {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			return err
		}
		old := m.get(key)
		m.set(key, append(b.Bytes(), old[min(len(old), b.Len()):]...))
		return nil
	})
}

// oneTemporary mixes what two writers of one key write at once.
func oneTemporary() jobs.Destination {
	var mu sync.Mutex
	var writers atomic.Int32
	temporary := make(map[string][]byte)
	before, after := kittest.NewPair(), kittest.NewPair()
	return putting(func(m *MemDestination, _ context.Context, key string, write func(io.Writer) error) error {
		shared := strings.Contains(key, "/8/")
		if shared && writers.Add(1) > 2 {
			return nil // so that what the first two made stays
		}
		mu.Lock()
		temporary[key] = nil
		mu.Unlock()
		if shared {
			before.Arrive()
		}
		err := write(writerFunc(func(b []byte) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			temporary[key] = append(temporary[key], b...)
			return len(b), nil
		}))
		if shared {
			after.Arrive()
		}
		mu.Lock()
		defer mu.Unlock()
		m.set(key, slices.Clone(temporary[key]))
		return err
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func brokenReaders() []kittest.Defect[jobs.Destination] {
	var shared io.ReadSeekCloser
	return []kittest.Defect[jobs.Destination]{
		{"own error", "NotFound", "want ErrNotFound", opening(func(_ *MemDestination, _ string, r io.ReadSeekCloser, err error) (io.ReadSeekCloser, error) {
			if err != nil {
				return nil, errors.New("no such key")
			}
			return r, nil
		})},
		{"nothing is empty", "NotFound", "want ErrNotFound", opening(func(_ *MemDestination, _ string, r io.ReadSeekCloser, err error) (io.ReadSeekCloser, error) {
			if err == nil {
				return r, nil
			}
			return struct {
				io.ReadSeeker
				io.Closer
			}{strings.NewReader(""), io.NopCloser(nil)}, nil
		})},
		{"only forward", "Seeks", "not supported", opening(func(_ *MemDestination, _ string, r io.ReadSeekCloser, err error) (io.ReadSeekCloser, error) {
			return deafSeeker{r}, err
		})},
		{"one reader for all", "IndependentReaders", "read ", opening(func(_ *MemDestination, _ string, r io.ReadSeekCloser, err error) (io.ReadSeekCloser, error) {
			if shared == nil {
				shared = r
			}
			return shared, err
		})},
	}
}

func brokenKeys() []kittest.Defect[jobs.Destination] {
	// named keeps objects under other names.
	named := func(name func(string) string) jobs.Destination {
		return breakDestination(func(m *MemDestination, d *brokenDestination) {
			d.put = func(ctx context.Context, key string, write func(io.Writer) error) error {
				return m.Put(ctx, name(key), write)
			}
			d.open = func(ctx context.Context, key string) (io.ReadSeekCloser, error) { return m.Open(ctx, name(key)) }
		})
	}
	listed := func(list func(m *MemDestination, prefix string) []string) jobs.Destination {
		return breakDestination(func(m *MemDestination, d *brokenDestination) {
			d.list = func(_ context.Context, prefix string) ([]string, error) { return list(m, prefix), nil }
		})
	}
	return []kittest.Defect[jobs.Destination]{
		{"deletes only what is there", "Deletes", "no such key", breakDestination(func(m *MemDestination, d *brokenDestination) {
			d.delete = func(ctx context.Context, key string) error {
				if _, err := m.Open(ctx, key); err != nil {
					return errors.New("no such key")
				}
				return m.Delete(ctx, key)
			}
		})},
		{"deletes nothing", "Deletes", "want ErrNotFound", breakDestination(func(_ *MemDestination, d *brokenDestination) {
			d.delete = func(context.Context, string) error { return nil }
		})},
		{"last elements", "Keys", "is \"content of", named(path.Base)},
		{"dots lost", "Keys", "is \"content of", named(func(key string) string { return strings.ReplaceAll(key, "..", ".") })},
		{"hidden files", "Keys", "List(\"\")", listed(func(m *MemDestination, prefix string) []string {
			return m.objects.List(func(key string) bool { return strings.HasPrefix(key, prefix) && !strings.HasPrefix(key, ".") })
		})},
		{"prefix is a folder", "ListsByPrefix", "List(\"org/job\")", listed(func(m *MemDestination, prefix string) []string {
			prefix = strings.TrimSuffix(prefix, "/") + "/"
			return m.objects.List(func(key string) bool { return prefix == "/" || strings.HasPrefix(key, prefix) })
		})},
		{"prefix without its end", "ListsByPrefix", "List(\"org/job/\")", listed(func(m *MemDestination, prefix string) []string {
			return m.objects.List(func(key string) bool { return strings.HasPrefix(key, strings.TrimSuffix(prefix, "/")) })
		})},
		{"one level", "ListsByPrefix", "List(\"org/job/\")", listed(func(m *MemDestination, prefix string) []string {
			return m.objects.List(func(key string) bool {
				rest, ok := strings.CutPrefix(key, prefix)
				return ok && !strings.Contains(rest, "/")
			})
		})},
	}
}

// sweeping is a destination that sweeps in its own way.
type sweeping struct {
	jobs.Destination
	sweep func() error
}

func (s sweeping) Sweep(context.Context) error { return s.sweep() }

func brokenSweeps() []kittest.Defect[jobs.Destination] {
	const promise = "SweepsNothingInUse"
	all := new(MemDestination)
	swept := false
	return []kittest.Defect[jobs.Destination]{
		{"sweeps what is sealed", promise, "Open: ", sweeping{all, func() error {
			for _, key := range all.objects.List(func(string) bool { return true }) {
				all.objects.Delete(key)
			}
			return nil
		}}},
		{"sweeps what is written", promise, "Put during a Sweep", sweeping{
			putting(func(m *MemDestination, ctx context.Context, key string, write func(io.Writer) error) error {
				swept = false
				err := m.Put(ctx, key, write)
				if swept {
					err = errors.New("no such file")
				}
				return err
			}),
			func() error { swept = true; return nil },
		}},
		{"cannot", promise, "Sweep: ", sweeping{new(MemDestination), func() error { return kittest.ErrWrite }}},
	}
}
