package export

import (
	"context"
	"io"
	"time"

	"golang.org/x/sync/errgroup"
)

// export runs the sections and joins their parts while they come.
func (x *run) export(ctx context.Context, dst io.Writer) (Result, error) {
	var result Result
	sealed := make(map[string]chan struct{})
	for _, s := range x.sections {
		sealed[s.Key()] = make(chan struct{})
	}
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error {
		return x.runSections(ctx, func(ctx context.Context, id PartID, _ SectionResult) error {
			select {
			case sealed[id.Section] <- struct{}{}:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
	})
	both.Go(func() (err error) {
		result, err = x.join(ctx, dst, func(key string) error {
			select {
			case <-sealed[key]:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}, true)
		return err
	})
	err := both.Wait()
	return result, err
}

// runSections runs the sections that have no part yet, in order, a few at a
// time, and hands on each part that was sealed. A section keeps its place until
// its part is taken, so that parts do not pile up before a slow destination.
func (x *run) runSections(ctx context.Context, taken func(context.Context, PartID, SectionResult) error) error {
	if err := x.dropParts(ctx); err != nil {
		return err
	}
	var left []Section
	for _, s := range x.sections {
		if _, sealed := x.Parts[s.Key()]; !sealed {
			left = append(left, s)
		}
	}
	x.moment = x.newMoment(ctx, left)
	defer x.moment.stop()
	running, ctx := errgroup.WithContext(ctx)
	running.SetLimit(x.engine.config.Concurrency)
	for _, s := range left {
		running.Go(func() error {
			if ctx.Err() != nil { // while it waited for its place
				return context.Cause(ctx)
			}
			result, err := x.exportSection(ctx, s)
			if err != nil {
				return err
			}
			return taken(ctx, x.part(s.Key()), result)
		})
	}
	return running.Wait()
}

// deleteParts removes what is left in the spool, also when ctx has ended.
func (x *run) deleteParts(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	for _, s := range x.sections {
		key := s.Key()
		if err := x.engine.config.Spool.Delete(ctx, x.part(key)); err != nil {
			x.engine.config.Logger.ErrorContext(ctx, "part not deleted", "job", x.JobID, "section", key, "error", err)
		}
	}
}
