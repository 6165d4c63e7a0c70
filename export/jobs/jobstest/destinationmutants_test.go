package jobstest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

// brokenDestination is a MemDestination with a defect, which sets some of the
// fields.
type brokenDestination struct {
	MemDestination
	put    func(ctx context.Context, key string, write func(io.Writer) error) error
	open   func(r io.ReadSeekCloser, err error) (io.ReadSeekCloser, error)
	name   func(key string) string // keeps objects under other names
	delete func(key string) error
	lists  func(key, prefix string) bool
	sweep  func() error
	size   func(n int64, err error) (int64, error)
}

func breakDestination(breaks func(*brokenDestination)) jobs.Destination {
	d := &brokenDestination{
		open:  func(r io.ReadSeekCloser, err error) (io.ReadSeekCloser, error) { return r, err },
		name:  func(key string) string { return key },
		lists: strings.HasPrefix,
		sweep: func() error { return nil },
		size:  func(n int64, err error) (int64, error) { return n, err },
	}
	d.put, d.delete = d.MemDestination.Put, func(key string) error { return d.MemDestination.Delete(context.Background(), key) }
	breaks(d)
	return d
}

func (d *brokenDestination) Put(ctx context.Context, key string, write func(io.Writer) error) error {
	return d.put(ctx, d.name(key), write)
}

func (d *brokenDestination) Open(ctx context.Context, key string) (io.ReadSeekCloser, error) {
	return d.open(d.MemDestination.Open(ctx, d.name(key)))
}

func (d *brokenDestination) Size(ctx context.Context, key string) (int64, error) {
	return d.size(d.MemDestination.Size(ctx, d.name(key)))
}

func (d *brokenDestination) Delete(_ context.Context, key string) error { return d.delete(key) }

func (d *brokenDestination) List(_ context.Context, prefix string) ([]string, error) {
	return d.objects.List(func(key string) bool { return d.lists(key, prefix) }), nil
}

func (d *brokenDestination) Sweep(context.Context) error { return d.sweep() }

func (d *brokenDestination) set(key string, content []byte) error {
	return d.MemDestination.Put(context.Background(), key, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// stores lets Put store something else than what is written.
func stores(change func(written []byte) []byte) func(*brokenDestination) {
	return func(d *brokenDestination) {
		d.put = func(_ context.Context, key string, write func(io.Writer) error) error {
			var b bytes.Buffer
			return errors.Join(write(&b), d.set(key, change(b.Bytes())))
		}
	}
}

// inPlace lets Put begin with an object that is empty.
func inPlace(d *brokenDestination) {
	d.put = func(ctx context.Context, key string, write func(io.Writer) error) error {
		return errors.Join(d.set(key, nil), d.MemDestination.Put(ctx, key, write))
	}
}

// fromStart is a reader that seeks forward only.
type fromStart struct{ io.ReadSeekCloser }

func (r fromStart) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekEnd {
		return 0, errors.ErrUnsupported
	}
	return r.ReadSeekCloser.Seek(offset, whence)
}

func TestDestinationMutants(t *testing.T) {
	type D = *brokenDestination
	opens := func(change func(io.ReadSeekCloser, error) (io.ReadSeekCloser, error)) func(D) {
		return func(d D) { d.open = change }
	}
	puts := func(put func(d D, ctx context.Context, key string, write func(io.Writer) error) error) func(D) {
		return func(d D) {
			d.put = func(ctx context.Context, key string, write func(io.Writer) error) error {
				return put(d, ctx, key, write)
			}
		}
	}
	resizes := func(change func(int64, error) (int64, error)) func(D) { return func(d D) { d.size = change } }
	lists := func(are func(key, prefix string) bool) func(D) { return func(d D) { d.lists = are } }
	kittest.TestMutants(t, destinationPromises, breakDestination, []kittest.Mutant[D]{
		{"ReadsBack", stores(func(b []byte) []byte { return b[:len(b)-1] }), "the reader is broken"},
		{"Large", stores(func(b []byte) []byte { return b[:8<<20] }), "come back"},
		{"Empty", opens(func(r io.ReadSeekCloser, err error) (io.ReadSeekCloser, error) {
			if n, _ := r.Seek(0, io.SeekEnd); n == 0 {
				return nil, export.ErrNotFound
			}
			return r, err
		}), "Open: "},
		{"NotFound", opens(func(r io.ReadSeekCloser, err error) (io.ReadSeekCloser, error) {
			return r, opaque(err)
		}), "want ErrNotFound"},
		{"FailedPutIsInvisible", stores(bytes.Clone), "want ErrNotFound"},
		{"FailedPutIsInvisible", puts(func(d D, ctx context.Context, key string, write func(io.Writer) error) error {
			return opaque(d.MemDestination.Put(ctx, key, write))
		}), "want the error of write"},
		{"PanickedPutIsInvisible", inPlace, "want ErrNotFound"},
		{"CancelledPutIsInvisible", puts(func(d D, ctx context.Context, key string, write func(io.Writer) error) error {
			return d.MemDestination.Put(context.WithoutCancel(ctx), key, write)
		}), "want the context's error"},
		{"UnfinishedPutIsInvisible", inPlace, "want ErrNotFound"},
		{"Replaces", puts(func(d D, ctx context.Context, key string, write func(io.Writer) error) error {
			if d.objects.List(func(string) bool { return true }) != nil { // keeps the first
				return write(io.Discard)
			}
			return d.MemDestination.Put(ctx, key, write)
		}), `want "second"`},
		{"Seeks", opens(func(r io.ReadSeekCloser, err error) (io.ReadSeekCloser, error) { return fromStart{r}, err }), "unsupported"},
		{"IndependentReaders", func(d D) {
			var one io.ReadSeekCloser
			d.open = func(r io.ReadSeekCloser, err error) (io.ReadSeekCloser, error) {
				if one == nil {
					one = r
				}
				return one, err
			}
		}, "read "},
		{"Deletes", func(d D) { d.delete = func(string) error { return nil } }, "want ErrNotFound"},
		{"Concurrent", stores(func(b []byte) []byte {
			if len(b) == 1000 {
				b[0] = 'x' // is of another writer
			}
			return b
		}), "or of several writers"},
		{"SweepsNothingInUse", func(d D) { d.sweep = func() error { d.objects = kittest.Memory[string]{}; return nil } }, "Open: "},
		{"SweepsNothingInUse", func(d D) { d.sweep = func() error { return kittest.ErrWrite } }, "Sweep: "},
		{"Keys", func(d D) { d.name = path.Base }, `is "content of`},
		{"Keys", lists(func(key, _ string) bool { return key[0] != '.' }), `List("")`},
		{"ListsByPrefix", lists(func(key, prefix string) bool { return prefix == "" || strings.HasPrefix(key, prefix+"/") }), `List("org/job")`},
		{"ListsByPrefix", lists(func(key, prefix string) bool {
			rest, ok := strings.CutPrefix(key, prefix)
			return ok && !strings.Contains(rest, "/")
		}), `List("org/job/")`},
		{"Sizes", resizes(func(n int64, err error) (int64, error) { return n, opaque(err) }), "want ErrNotFound"},
		{"Sizes", resizes(func(int64, error) (int64, error) { return 0, nil }), "want ErrNotFound"},
		{"Sizes", resizes(func(n int64, err error) (int64, error) { return n + 1, err }), "the size of 10 bytes is 11"},
		{"Sizes", func(d D) {
			known := int64(-1)
			d.size = func(n int64, err error) (int64, error) {
				if err == nil && known < 0 {
					known = n
				}
				return known, err
			}
		}, "the size of 0 bytes is 10"},
		{"SizeOfACancelledContext", resizes(func(n int64, err error) (int64, error) {
			if errors.Is(err, context.Canceled) {
				return 0, export.ErrNotFound
			}
			return n, err
		}), "but the object is there"},
	})
}
