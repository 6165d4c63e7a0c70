package s3

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// list calls yield with each key that begins with prefix, in the order of their bytes, until that
// returns false.
func (b *Bucket) list(ctx context.Context, prefix string, yield func(key string) bool) error {
	return b.pages(ctx, &s3.ListObjectsV2Input{Prefix: aws.String(b.object(prefix))}, func(page *s3.ListObjectsV2Output) bool {
		for _, o := range page.Contents {
			if key, ok := strings.CutPrefix(aws.ToString(o.Key), b.prefix()); ok && strings.HasPrefix(key, prefix) && !yield(key) {
				return false
			}
		}
		return true
	})
}

var (
	errNoListing = errors.New("s3: list: the answer is no listing")
	errNoNext    = errors.New("s3: list: the server does not say where a listing goes on: does it know ListObjectsV2?")
)

// pages calls yield with each page of a listing, until that returns false. Unlike that of the
// library it takes no listing for complete that is not.
func (b *Bucket) pages(ctx context.Context, in *s3.ListObjectsV2Input, yield func(*s3.ListObjectsV2Output) bool) error {
	in.Bucket, in.EncodingType = &b.config.Name, types.EncodingTypeUrl // XML cannot have all characters
	for {
		page, err := b.page(ctx, in)
		if err != nil {
			return err
		}
		if !yield(page) || !aws.ToBool(page.IsTruncated) {
			return nil
		}
		next := aws.ToString(page.NextContinuationToken)
		if next == "" || next == aws.ToString(in.ContinuationToken) {
			return errNoNext
		}
		in.ContinuationToken = &next
	}
}

func (b *Bucket) page(ctx context.Context, in *s3.ListObjectsV2Input) (*s3.ListObjectsV2Output, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	page, err := b.config.Client.ListObjectsV2(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("s3: list: %w", err)
	}
	if page.Name == nil && page.IsTruncated == nil && page.KeyCount == nil {
		return nil, errNoListing // such as a page for people, which the library reads as a listing of nothing
	}
	return page, decode(page)
}

// decode writes the keys of a page as they are, unless the server has not encoded them.
func decode(page *s3.ListObjectsV2Output) error {
	if page.EncodingType != types.EncodingTypeUrl {
		return nil
	}
	var names []**string
	for i := range page.Contents {
		names = append(names, &page.Contents[i].Key)
	}
	for i := range page.CommonPrefixes {
		names = append(names, &page.CommonPrefixes[i].Prefix)
	}
	for _, name := range names {
		plain, err := url.QueryUnescape(aws.ToString(*name))
		if err != nil {
			return fmt.Errorf("s3: list: a key is %w", err)
		}
		*name = &plain
	}
	return nil
}
