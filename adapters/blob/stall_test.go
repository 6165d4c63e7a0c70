package blob_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	gocloud "gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"

	"github.com/orgexport/orgexport/adapters/blob"
)

// deaf is a bucket that takes some bytes and then nothing, as long as the context lives.
type deaf struct {
	driver.Bucket
	takes int
}

func (d *deaf) NewTypedWriter(ctx context.Context, _, _ string, _ *driver.WriterOptions) (driver.Writer, error) {
	return &deafWriter{ctx: ctx, takes: d.takes}, nil
}

func (*deaf) Attributes(context.Context, string) (*driver.Attributes, error) { return nil, io.EOF }
func (*deaf) ErrorCode(error) gcerrors.ErrorCode                             { return gcerrors.Unknown }
func (*deaf) ErrorAs(error, any) bool                                        { return false }
func (*deaf) Close() error                                                   { return nil }

type deafWriter struct {
	driver.Writer
	ctx   context.Context //nolint:containedctx // that of the upload
	takes int
}

func (w *deafWriter) Write(p []byte) (int, error) {
	if w.takes -= len(p); w.takes >= 0 {
		return len(p), nil
	}
	<-w.ctx.Done()
	return 0, w.ctx.Err()
}

func (w *deafWriter) Close() error {
	<-w.ctx.Done()
	return w.ctx.Err()
}

// An upload to a server that takes nothing any more is broken off, in the middle and at the end.
// The error is not that of a context: nobody has gone.
func TestStalledUploads(t *testing.T) {
	for _, takes := range []int{0, 3 << 20, 100 << 20} {
		synctest.Test(t, func(t *testing.T) {
			d := blob.NewDestination(open(t, gocloud.NewBucket(&deaf{takes: takes}), ""))
			begin := time.Now()
			err := d.Put(t.Context(), "a", func(w io.Writer) error {
				for range 5 {
					if _, err := w.Write(make([]byte, 1<<20)); err != nil {
						return err
					}
				}
				return nil
			})
			if err == nil || errors.Is(err, context.Canceled) || time.Since(begin) > 10*time.Minute {
				t.Errorf("a server that takes %d bytes: %v after %v", takes, err, time.Since(begin))
			}
		})
	}
}
