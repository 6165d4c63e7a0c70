package export

import (
	"context"
	"io"
	"time"

	"golang.org/x/sync/errgroup"
)

// export runs the sections and joins their parts while they come.
func (s *Sealer) export(ctx context.Context, dst io.Writer) (Result, error) {
	shards, _, err := s.Plan(ctx)
	if err != nil {
		return Result{}, err
	}
	sealed := make(map[string]chan struct{})
	for _, section := range s.run.sections {
		sealed[section.Key()] = make(chan struct{}, max(countShards(shards, section.Key())-1, 0)) // the last part waits to be taken
	}
	var result Result
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error {
		return s.SealAll(ctx, shards, func(ctx context.Context, id PartID, _ SectionResult) error {
			select {
			case sealed[id.Section] <- struct{}{}:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
	})
	both.Go(func() (err error) {
		result, err = s.run.join(ctx, dst, func(key string) error {
			select {
			case <-sealed[key]:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}, true)
		return err
	})
	err = both.Wait()
	return result, err
}

// deleteParts removes what is left in the spool, also when ctx has ended.
func (x *run) deleteParts(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	for _, id := range x.Parts {
		if err := x.engine.config.Spool.Delete(ctx, id); err != nil {
			x.engine.config.Logger.ErrorContext(ctx, "part not deleted", "job", x.JobID, "section", id.Section, "error", err)
		}
	}
}

// countShards returns how many shards a section has.
func countShards(shards []Shard, section string) (n int) {
	for _, s := range shards {
		if s.Section == section {
			n++
		}
	}
	return n
}
