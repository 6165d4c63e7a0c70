package faulttest

import (
	"context"
	"github.com/orgexport/orgexport/export/internal/kittest"
	"io"
)

// faultyKeeper is a Spool or a Destination.
type faultyKeeper[K comparable] struct {
	f     *Faults
	port  string // with a dot at the end
	inner kittest.Keeper[K]
}

func (k faultyKeeper[K]) Put(ctx context.Context, id K, write func(io.Writer) error) error {
	return k.f.do(k.port+"Put", func() error {
		return k.inner.Put(ctx, id, func(w io.Writer) error {
			if err := write(&faultyWriter{f: k.f, call: k.port + "Write", inner: w}); err != nil {
				return err
			}
			return k.f.do(k.port+"Commit", func() error { return nil })
		})
	})
}

func (k faultyKeeper[K]) Open(ctx context.Context, id K) (io.ReadSeekCloser, error) {
	var r io.ReadSeekCloser
	err := k.f.do(k.port+"Open", func() (err error) {
		r, err = k.inner.Open(ctx, id)
		return err
	})
	if err != nil {
		if r != nil {
			_ = r.Close() // its answer was lost: nobody else will
		}
		return nil, err
	}
	return &faultyReader{f: k.f, port: k.port, inner: r}, nil
}

func (k faultyKeeper[K]) Delete(ctx context.Context, id K) error {
	return k.f.do(k.port+"Delete", func() error { return k.inner.Delete(ctx, id) })
}

func (k faultyKeeper[K]) List(ctx context.Context, of string) ([]K, error) {
	return ask(k.f, k.port+"List", func() ([]K, error) { return k.inner.List(ctx, of) })
}

// faultyWriter fails for ever once it has failed, as a full disk does.
type faultyWriter struct {
	f     *Faults
	call  string
	inner io.Writer
	err   error
}

func (w *faultyWriter) Write(p []byte) (n int, err error) {
	if w.err != nil {
		return 0, w.err
	}
	w.err = w.f.do(w.call, func() (err error) {
		n, err = w.inner.Write(p)
		return err
	})
	return n, w.err
}

// faultyReader fails for ever once a Read has failed.
type faultyReader struct {
	f     *Faults
	port  string
	inner io.ReadSeekCloser
	err   error
}

func (r *faultyReader) Read(p []byte) (n int, err error) {
	if r.err != nil {
		return 0, r.err
	}
	var own error // such as io.EOF, after which one may seek and go on
	err = r.f.do(r.port+"Read", func() error {
		n, own = r.inner.Read(p)
		return own
	})
	if err != own { //nolint:errorlint // whether it is the same
		r.err = err
	}
	return n, err
}

func (r *faultyReader) Seek(offset int64, whence int) (n int64, err error) {
	err = r.f.do(r.port+"Seek", func() (err error) {
		n, err = r.inner.Seek(offset, whence)
		return err
	})
	return n, err
}

// Close closes the inner reader also when it fails.
func (r *faultyReader) Close() error {
	inner := r.inner.Close()
	return r.f.do(r.port+"Close", func() error { return inner })
}
