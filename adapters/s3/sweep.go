package s3

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// uploads knows the multipart uploads that this process has begun and not ended.
type uploads struct {
	mu   sync.Mutex
	keys map[string]string // of an upload's id
	left map[string]bool   // those that failed and may not be aborted yet
}

func newUploads() *uploads {
	return &uploads{keys: make(map[string]string), left: make(map[string]bool)}
}

func (u *uploads) add(id, key string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.keys[id] = key
}

func (u *uploads) leave(id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.left[id] = true
}

func (u *uploads) remove(id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.keys, id)
	delete(u.left, id)
}

// inUse reports whether this process sends an upload.
func (u *uploads) inUse(id string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	_, begun := u.keys[id]
	return begun && !u.left[id]
}

// abandoned returns the uploads that failed and may not be aborted yet, with their keys.
func (u *uploads) abandoned() map[string]string {
	u.mu.Lock()
	defer u.mu.Unlock()
	all := maps.Clone(u.keys)
	maps.DeleteFunc(all, func(id, _ string) bool { return !u.left[id] })
	return all
}

// Sweep implements [export.Sweeper]. It aborts uploads that this process has begun and
// that have failed, and others below the prefix that are older than [Config.UploadAge].
func (b *Bucket) Sweep(ctx context.Context) error {
	errs := []error{b.abortAbandoned(ctx)}
	pages := s3.NewListMultipartUploadsPaginator(b.config.Client, &s3.ListMultipartUploadsInput{
		Bucket: &b.config.Name, Prefix: aws.String(b.prefix()),
	})
	for pages.HasMorePages() {
		page, err := nextUploads(ctx, pages)
		if err != nil {
			return errors.Join(append(errs, wrap("list uploads", err))...)
		}
		b.noteClock(page.ResultMetadata)
		for _, u := range page.Uploads {
			if err := b.sweepUpload(ctx, u); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

func nextUploads(ctx context.Context, pages *s3.ListMultipartUploadsPaginator) (*s3.ListMultipartUploadsOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return pages.NextPage(ctx)
}

// abortAbandoned aborts uploads of this process that have failed.
func (b *Bucket) abortAbandoned(ctx context.Context) error {
	var errs []error
	for id, key := range b.begun.abandoned() {
		if err := b.abortUpload(ctx, key, id); err != nil {
			errs = append(errs, err)
			continue
		}
		b.begun.remove(id)
	}
	return errors.Join(errs...)
}

// abortWhileItAnswers does what abortAbandoned does, as far as it is quick: the server has just
// answered.
func (b *Bucket) abortWhileItAnswers(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pieceGrace)
	defer cancel()
	_ = b.abortAbandoned(ctx) // what is left is left to Sweep
}

func (b *Bucket) sweepUpload(ctx context.Context, u types.MultipartUpload) error {
	id, key := aws.ToString(u.UploadId), aws.ToString(u.Key)
	// Some servers take a prefix for a hint.
	if !strings.HasPrefix(key, b.prefix()) || b.begun.inUse(id) || u.Initiated == nil || time.Now().Add(b.skew()).Sub(*u.Initiated) < b.config.UploadAge {
		return nil
	}
	return b.abortUpload(ctx, key, id)
}

// abortUpload ends a multipart upload. It is no error if there is none.
func (b *Bucket) abortUpload(ctx context.Context, key, id string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := b.config.Client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: &b.config.Name, Key: &key, UploadId: &id,
	})
	if errorCode(err) == "NoSuchUpload" {
		return nil
	}
	return wrap("abort upload", err)
}
