package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/orgexport/orgexport/export"
)

// Files are the objects of a bucket as files that rows name by their keys. It is a
// sections.ListedFiles and an [export.Digester], and safe for concurrent use. Make one with
// [NewFiles].
//
// An object that is not there, or that may not be read, is one that its section skips. If the
// server cannot be reached, fails again and again, or refuses what has nothing to do with the
// object, such as the credentials, the section is run again. An object that is replaced while it
// is read is skipped, and never mixed.
type Files struct{ *Bucket }

// NewFiles returns the files below a bucket's prefix. Nothing is written there.
func NewFiles(b *Bucket) *Files { return &Files{b} }

// Session returns what opens the files of one section.
func (f *Files) Session() func(ctx context.Context, key string) (export.Content, error) {
	return f.read
}

// SessionIn is Session of the files below a folder, such as that of an organization.
func (f *Files) SessionIn(folder string) func(ctx context.Context, key string) (export.Content, error) {
	return NewFiles(f.Sub(folder)).read
}

// List yields the keys of all objects below a folder, relative to it, in the order of their
// bytes. It leaves out what programs make to show empty folders: keys that end in a slash.
func (f *Files) List(ctx context.Context, folder string) iter.Seq2[string, error] {
	b := f.Bucket
	if folder != "" {
		b = f.Sub(folder)
	}
	return func(yield func(string, error) bool) {
		more := true
		err := b.list(ctx, "", func(key string) bool {
			if key != "" && !strings.HasSuffix(key, "/") {
				more = yield(key, nil)
			}
			return more
		})
		if err != nil && more {
			yield("", asFileError(ctx, err))
		}
	}
}

// Digest implements [export.Digester].
func (f *Files) Digest() string {
	return aws.ToString(f.config.Client.Options().BaseEndpoint) + "s3://" + f.config.Name + "/" + f.prefix()
}

// Close implements [io.Closer]. It does nothing: connections are closed when nobody uses them.
func (f *Files) Close() error { return nil }

// read opens an object.
func (f *Files) read(ctx context.Context, key string) (export.Content, error) {
	if !f.mayBe(key) {
		return export.Content{}, asFileError(ctx, errNoKey)
	}
	r, err := f.open(ctx, key)
	if err != nil {
		return export.Content{}, asFileError(ctx, err)
	}
	return export.Content{Body: fileBody{r, ctx}, Size: r.Size(), Modified: r.modified}, nil
}

// mayBe reports whether an object may have that key. Servers fail in ways of their own if it is
// too long, and those that keep objects in folders, as some proxies do, take two dots for the
// folder above: that of another organization.
func (f *Files) mayBe(key string) bool {
	const longest = 1024
	return len(f.object(key)) <= longest && !strings.ContainsRune(key, 0) && !slices.Contains(strings.Split(key, "/"), "..")
}

var errNoKey = fmt.Errorf("s3: no key of an object: %w", export.ErrNotFound)

// fileBody reads an object as a file.
type fileBody struct {
	*reader
	ctx context.Context //nolint:containedctx // that of the object's reader
}

func (b fileBody) Read(p []byte) (int, error) {
	n, err := b.reader.Read(p)
	return n, asFileError(b.ctx, err)
}

// fileError says of an error whether it is the file's or the machine's, and what customers see.
type fileError struct {
	err    error
	public string
	fault  export.Fault
}

func (e *fileError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *fileError) Unwrap() error { return e.err }

// Public is what [export.PublicText] asks for.
func (e *fileError) Public() string { return e.public }

// MachineFault is what [export.MachineFault] asks for.
func (e *fileError) MachineFault() export.Fault { return e.fault }

// LogText is what [export.LogText] asks for: an error of the library has the key, which is made of
// data.
func (e *fileError) LogText() string {
	if code := errorCode(e.err); code != "" {
		return "s3: the server answers " + code
	}
	if errors.Is(e.err, export.ErrNotFound) {
		return "s3: the object was not found"
	}
	return "s3: the server does not answer"
}

// asFileError sorts errors out. [io.EOF] and the end of ctx stay what they are. That of another
// context is that of a request that has taken too long.
func asFileError(ctx context.Context, err error) error {
	status, code := statusOf(err), errorCode(err)
	switch {
	case err == nil, ctx.Err() != nil, err == io.EOF: //nolint:errorlint // as io.Reader has it
		return err
	case errors.Is(err, export.ErrNotFound):
		return &fileError{err: errors.Join(err, fs.ErrNotExist), public: "The file was not found."}
	case errors.Is(err, errReplaced):
		return &fileError{err: err, public: "The file changed while it was read."}
	case code == "InvalidObjectState":
		return &fileError{err: err, public: "The file is in an archive of the storage, from which it has to be restored first."}
	case ofAll(status, code):
	case status == http.StatusForbidden:
		return &fileError{err: err, public: "The file may not be read."}
	case code != "" && status > 0 && status < http.StatusInternalServerError:
		return &fileError{err: err, public: "The storage of the file refused the request."}
	}
	return &fileError{err: err, public: "The storage of the file failed. Try again later.", fault: export.FaultConnection}
}

// ofAll reports whether an answer is about the credentials, the bucket or how busy the server is:
// other objects get the same, and it may be over soon. See "Error responses" of the Amazon S3 API
// reference.
func ofAll(status int, code string) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusProxyAuthRequired, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	}
	switch code {
	case "AccountProblem", "AllAccessDisabled", "AuthorizationHeaderMalformed", "ExpiredToken", "InvalidAccessKeyId", "InvalidSecurity",
		"InvalidToken", "MissingSecurityHeader", "NotSignedUp", "RequestExpired", "RequestTimeTooSkewed", "SignatureDoesNotMatch",
		"TokenRefreshRequired", "UnauthorizedAccess": // the credentials, or the clock
		return true
	case "IncorrectEndpoint", "InvalidBucketName", "NoSuchBucket", "PermanentRedirect", "Redirect", "TemporaryRedirect": // the bucket
		return true
	case "BandwidthLimitExceeded", "OperationAborted", "RequestLimitExceeded", "RequestThrottled", "RequestTimeout", "ServiceUnavailable",
		"SlowDown", "Throttling", "ThrottlingException", "TooManyRequests": // how busy it is
		return true
	}
	return status >= http.StatusMultipleChoices && status < http.StatusBadRequest
}
