package s3

import (
	"context"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/internal/partname"
)

// Spool keeps parts in a bucket. It is durable: a part stays until it is deleted. It
// implements [export.Spool], [export.JobLister], [export.Checker] and [export.Sweeper]. It
// is safe for concurrent use. Make one with [NewSpool].
type Spool struct{ *Bucket }

// NewSpool returns the Spool of a bucket's prefix.
func NewSpool(b *Bucket) *Spool { return &Spool{b} }

// Put implements [export.Spool]. See the package's documentation for its memory.
func (s *Spool) Put(ctx context.Context, id export.PartID, write func(io.Writer) error) error {
	name, err := partName(id)
	if err != nil {
		return err
	}
	return s.put(ctx, name, s.config.MaxBytes, write)
}

// Open implements [export.Spool]. Seeking sends no request.
func (s *Spool) Open(ctx context.Context, id export.PartID) (io.ReadSeekCloser, error) {
	name, err := partName(id)
	if err := ready(ctx, err); err != nil {
		return nil, err
	}
	return opened(s.open(ctx, name))
}

// Delete implements [export.Spool].
func (s *Spool) Delete(ctx context.Context, id export.PartID) error {
	name, err := partName(id)
	if err := ready(ctx, err); err != nil {
		return err
	}
	return s.remove(ctx, name)
}

// List implements [export.Spool].
func (s *Spool) List(ctx context.Context, jobID string) ([]export.PartID, error) {
	if err := ready(ctx, checkJob(jobID)); err != nil {
		return nil, err
	}
	var ids []export.PartID
	err := s.list(ctx, jobID+"/", func(key string) bool {
		if id, ok := partname.Parse(jobID, strings.TrimPrefix(key, jobID+"/")); ok {
			ids = append(ids, id)
		}
		return true
	})
	return ids, err
}

// Jobs implements [export.JobLister].
func (s *Spool) Jobs(ctx context.Context) ([]string, error) {
	in := &s3.ListObjectsV2Input{Prefix: aws.String(s.prefix()), Delimiter: aws.String("/")}
	var ids []string
	err := s.pages(ctx, in, func(page *s3.ListObjectsV2Output) bool {
		for _, p := range page.CommonPrefixes {
			id := strings.TrimSuffix(strings.TrimPrefix(aws.ToString(p.Prefix), s.prefix()), "/")
			if checkJob(id) == nil {
				ids = append(ids, id)
			}
		}
		return true
	})
	return ids, err
}

// partName returns the key of a part.
func partName(id export.PartID) (string, error) {
	name, err := partname.Of(id)
	return name, wrap("part", err)
}

func checkJob(id string) error { return wrap("part", partname.CheckWord("job id", id)) }
