package otel

import (
	"context"
	"errors"
	"io"

	"go.opentelemetry.io/otel/trace"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

// Spool returns a spool that makes spans of the calls of inner. It passes on the calls of
// [export.Checker], [export.Sweeper], [export.FreeSpacer] and [export.JobLister]. If
// inner does not implement these, Check and Sweep return nil, and FreeSpace and Jobs
// return [errors.ErrUnsupported].
func (t *Tracer) Spool(inner export.Spool) export.Spool { return &spool{t, inner} }

type spool struct {
	t     *Tracer
	inner export.Spool
}

func (s *spool) Put(ctx context.Context, id export.PartID, write func(io.Writer) error) (err error) {
	ctx, span, end := s.t.port(ctx, "spool put", sectionKey.String(id.Section))
	return put(span, end, write, func(write func(io.Writer) error) error { return s.inner.Put(ctx, id, write) })
}

func (s *spool) Open(ctx context.Context, id export.PartID) (io.ReadSeekCloser, error) {
	ctx, _, end := s.t.port(ctx, "spool open", sectionKey.String(id.Section))
	r, err := s.inner.Open(ctx, id)
	end(err)
	return r, err
}

func (s *spool) Delete(ctx context.Context, id export.PartID) error {
	ctx, _, end := s.t.port(ctx, "spool delete", sectionKey.String(id.Section))
	err := s.inner.Delete(ctx, id)
	end(err)
	return err
}

func (s *spool) List(ctx context.Context, id string) ([]export.PartID, error) {
	ctx, _, end := s.t.port(ctx, "spool list", jobID.String(id))
	ids, err := s.inner.List(ctx, id)
	end(err)
	return ids, err
}

// Jobs makes no span: only the sweep calls it.
func (s *spool) Jobs(ctx context.Context) ([]string, error) {
	if l, ok := s.inner.(export.JobLister); ok {
		return l.Jobs(ctx)
	}
	return nil, errors.ErrUnsupported
}

func (s *spool) Sweep(ctx context.Context) error { return sweep(ctx, s.inner) }

func (s *spool) Check(ctx context.Context) error { return check(ctx, s.inner) }

func (s *spool) FreeSpace() (int64, error) {
	if f, ok := s.inner.(export.FreeSpacer); ok {
		return f.FreeSpace()
	}
	return 0, errors.ErrUnsupported
}

// Destination returns a destination that makes spans of the calls of inner. It passes on
// the calls of [export.Checker], [export.Sweeper], [jobs.Sizer] and [jobs.Confirmer]. If
// inner does not implement these, Check and Sweep return nil, Size returns
// [errors.ErrUnsupported] and Confirms false. It is a [jobs.Bounder] if inner is.
func (t *Tracer) Destination(inner jobs.Destination) jobs.Destination {
	d := &destination{t, inner}
	if b, ok := inner.(jobs.Bounder); ok {
		return &boundedDestination{d, b}
	}
	return d
}

type destination struct {
	t     *Tracer
	inner jobs.Destination
}

func (d *destination) Put(ctx context.Context, key string, write func(io.Writer) error) error {
	ctx, span, end := d.t.port(ctx, "destination put", objectKey.String(key))
	return put(span, end, write, func(write func(io.Writer) error) error { return d.inner.Put(ctx, key, write) })
}

// boundedDestination is a destination whose inner one has to know how large objects become. To
// find that out costs others for nothing.
type boundedDestination struct {
	*destination
	bounder jobs.Bounder
}

func (d *boundedDestination) PutBounded(ctx context.Context, key string, most int64, write func(io.Writer) error) error {
	ctx, span, end := d.t.port(ctx, "destination put", objectKey.String(key))
	return put(span, end, write, func(write func(io.Writer) error) error { return d.bounder.PutBounded(ctx, key, most, write) })
}

func (d *destination) Open(ctx context.Context, key string) (io.ReadSeekCloser, error) {
	ctx, _, end := d.t.port(ctx, "destination open", objectKey.String(key))
	r, err := d.inner.Open(ctx, key)
	end(err)
	return r, err
}

func (d *destination) Delete(ctx context.Context, key string) error {
	ctx, _, end := d.t.port(ctx, "destination delete", objectKey.String(key))
	err := d.inner.Delete(ctx, key)
	end(err)
	return err
}

func (d *destination) List(ctx context.Context, prefix string) ([]string, error) {
	ctx, _, end := d.t.port(ctx, "destination list", objectPrefix.String(prefix))
	keys, err := d.inner.List(ctx, prefix)
	end(err)
	return keys, err
}

func (d *destination) Size(ctx context.Context, key string) (int64, error) {
	s, ok := d.inner.(jobs.Sizer)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	ctx, _, end := d.t.port(ctx, "destination size", objectKey.String(key))
	size, err := s.Size(ctx, key)
	end(err)
	return size, err
}

func (d *destination) Confirms() bool { return jobs.Confirms(d.inner) }

func (d *destination) Check(ctx context.Context) error { return check(ctx, d.inner) }

func (d *destination) Sweep(ctx context.Context) error { return sweep(ctx, d.inner) }

// sweep calls the Sweep of a port, if it has one.
func sweep(ctx context.Context, port any) error {
	if s, ok := port.(export.Sweeper); ok {
		return s.Sweep(ctx)
	}
	return nil
}

// put calls store with write, and counts the bytes that write writes. It ends the span,
// even if write panics.
func put(span trace.Span, end func(error), write func(io.Writer) error, store func(func(io.Writer) error) error) error {
	var n int64
	err := errors.New("otel: not stored")
	defer func() {
		span.SetAttributes(bytesWritten.Int64(n))
		end(err)
	}()
	err = store(func(w io.Writer) error {
		n = 0 // if it is called again
		return write(&counter{w, &n})
	})
	return err
}

type counter struct {
	io.Writer
	n *int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	*c.n += int64(n)
	return n, err
}
