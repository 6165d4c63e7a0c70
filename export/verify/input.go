package verify

import (
	"context"
	"io"
	"time"
)

const progressEvery = 100 * time.Millisecond

// input is the source of an archive. It follows the context and counts.
type input struct {
	ctx      context.Context
	src      io.Reader
	progress func(int64)
	n        int64
	told     time.Time
}

func newInput(ctx context.Context, src io.Reader, progress func(int64)) *input {
	return &input{ctx: ctx, src: src, progress: progress}
}

// reader returns what an archive is to be read from: something that is
// readable at any place if the source is.
func (in *input) reader() io.Reader {
	if s, ok := in.src.(seekable); ok {
		return seekInput{in, s}
	}
	return in
}

type seekable interface {
	io.ReaderAt
	io.Seeker
}

func (in *input) Read(p []byte) (int, error) {
	if in.ctx.Err() != nil {
		return 0, context.Cause(in.ctx)
	}
	n, err := in.src.Read(p)
	in.count(n)
	return n, err
}

func (in *input) count(n int) {
	in.n += int64(n)
	in.report(false)
}

func (in *input) report(last bool) {
	if in.progress == nil {
		return
	}
	if now := time.Now(); last || now.Sub(in.told) >= progressEvery {
		in.told = now
		in.progress(in.n)
	}
}

// seekInput is an input of a source that can seek.
type seekInput struct {
	*input
	at seekable
}

func (in seekInput) Seek(offset int64, whence int) (int64, error) { return in.at.Seek(offset, whence) }

func (in seekInput) ReadAt(p []byte, off int64) (int, error) {
	if in.ctx.Err() != nil {
		return 0, context.Cause(in.ctx)
	}
	n, err := in.at.ReadAt(p, off)
	in.count(n)
	return n, err
}
