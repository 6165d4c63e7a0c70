package riverqueue_test

import (
	"context"
	"io"
	"time"

	"github.com/orgexport/orgexport/adapters/dir"
	"github.com/orgexport/orgexport/export"
)

// lateSpool and lateDestination take a while before and after they commit, and
// commit what is complete though the lease was lost meanwhile: as if the process
// were paused in just that moment.
type (
	lateSpool struct {
		*dir.Spool
		late time.Duration
	}
	lateDestination struct {
		*dir.Destination
		late time.Duration
	}
)

func (s lateSpool) Put(ctx context.Context, id export.PartID, write func(io.Writer) error) error {
	return putLate(ctx, s.late, write, func(ctx context.Context, write func(io.Writer) error) error {
		return s.Spool.Put(ctx, id, write)
	})
}

func (d lateDestination) Put(ctx context.Context, key string, write func(io.Writer) error) error {
	return putLate(ctx, d.late, write, func(ctx context.Context, write func(io.Writer) error) error {
		return d.Destination.Put(ctx, key, write)
	})
}

func putLate(ctx context.Context, late time.Duration, write func(io.Writer) error, put func(context.Context, func(io.Writer) error) error) error {
	if late == 0 {
		return put(ctx, write)
	}
	err := put(context.WithoutCancel(ctx), func(w io.Writer) error {
		err := write(w)
		<-time.After(late)
		return err
	})
	<-time.After(late)
	return err
}
