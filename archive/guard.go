package archive

import (
	"context"
	"io"
)

// guard is a writer that fails once ctx has ended, and when w takes less than
// it is given without saying why.
type guard struct {
	ctx context.Context
	w   io.Writer
}

func (g guard) Write(p []byte) (int, error) {
	if g.ctx.Err() != nil {
		return 0, context.Cause(g.ctx)
	}
	n, err := g.w.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return n, err
}
