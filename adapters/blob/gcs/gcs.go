// Package gcs has what is special about Google Cloud Storage for adapters/blob.
package gcs

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"cloud.google.com/go/storage"
	gocloud "gocloud.dev/blob"
	"gocloud.dev/gcerrors"
	"google.golang.org/api/googleapi"

	"github.com/orgexport/orgexport/adapters/blob"
)

// maxLink is the longest life of a link: see "Signed URLs" of the documentation of Cloud
// Storage.
const maxLink = 7 * 24 * time.Hour

// Provider returns the Provider of buckets that gcsblob opens. Links are signed (version 4) by
// whom the options of gcsblob name: GoogleAccessID, with PrivateKey or MakeSignBytes.
func Provider() blob.Provider {
	return blob.Provider{
		BeforeWrite: alwaysRetry,
		Version:     generation,
		NotFound:    notFound,
		MD5:         true,
		Link: func(ctx context.Context, b *gocloud.Bucket, l blob.Link) (string, error) {
			return link(ctx, b, l, url.Values{
				"response-content-disposition": {l.ContentDisposition},
				"response-content-type":        {l.ContentType},
				"response-cache-control":       {l.CacheControl},
			})
		},
		MaxLink: maxLink,
	}
}

// alwaysRetry lets an upload be tried again. The library does not do so by itself for one that
// may replace an object: here whatever was made first is the same. Nor does it if the server has
// closed the connection instead of answering.
func alwaysRetry(as func(any) bool) error {
	var object **storage.ObjectHandle
	if !as(&object) {
		return errors.New("gcs: this is no bucket of gcsblob")
	}
	*object = (*object).Retryer(storage.WithPolicy(storage.RetryAlways), storage.WithErrorFunc(func(err error) bool {
		return storage.ShouldRetry(err) || errors.Is(err, io.EOF)
	}))
	return nil
}

// generation returns the number that each object has anew, even with the key of another.
func generation(r *gocloud.Reader) string {
	var in *storage.Reader
	if !r.As(&in) {
		return ""
	}
	return strconv.FormatInt(in.Attrs.Generation, 10)
}

// notFound reports whether there is no such object. That it may not be read is something else,
// whatever gocloud.dev says.
func notFound(err error) bool {
	if answer, ok := errors.AsType[*googleapi.Error](err); ok {
		return answer.Code == http.StatusNotFound
	}
	return gcerrors.Code(err) == gcerrors.NotFound
}

// link returns a link with parameters that are signed, too.
func link(ctx context.Context, b *gocloud.Bucket, l blob.Link, parameters url.Values) (string, error) {
	ttl := l.Expires.Sub(l.Begins)
	return b.SignedURL(ctx, l.Key, &gocloud.SignedURLOptions{
		Expiry: ttl, Method: http.MethodGet,
		BeforeSign: func(as func(any) bool) error {
			var o *storage.SignedURLOptions
			if !as(&o) {
				return errors.New("gcs: this is no bucket of gcsblob")
			}
			o.Scheme, o.QueryParameters = storage.SigningSchemeV4, parameters
			// The library takes the time from now to then, and leaves out what is no whole
			// second.
			o.Expires = time.Now().Add(ttl + time.Second/2)
			return nil
		},
	})
}
