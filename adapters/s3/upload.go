package s3

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // Content-MD5 is no secret: it finds damage on the way
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// markName is the name of an object's mark in its metadata: it tells which upload made it.
const markName = "orgexport-upload"

const (
	// abortTimeout is how long an upload that has failed may take to end.
	abortTimeout = 30 * time.Second

	// pieceGrace is how long the last piece of it may take before that, and how long anything
	// may take once the context has ended.
	pieceGrace = 5 * time.Second
)

// put stores what write writes, of up to most bytes. See [jobs.Destination].
func (b *Bucket) put(ctx context.Context, key string, most int64, write func(io.Writer) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	u := &upload{ctx: ctx, cancel: cancel, b: b, key: b.object(key), mark: rand.Text()}
	u.piece = int(max(b.config.PartSize, (most+pieces-1)/pieces))
	done := false
	defer func() {
		if !done { // an error, or write has panicked
			u.abort()
		}
		u.free()
	}()
	err := write(u)
	if err == nil && ctx.Err() == nil {
		err = u.finish()
		done = err == nil
	}
	if done {
		b.abortWhileItAnswers(ctx)
		return nil
	}
	if cause := context.Cause(ctx); err == nil || cause != nil && !errors.Is(err, cause) {
		return errors.Join(cause, err)
	}
	return err
}

var errAborted = errors.New("s3: upload aborted")

// upload writes one object. While one piece is filled, the one before it is sent. It is
// used by one goroutine.
type upload struct {
	ctx    context.Context //nolint:containedctx // of the Put that it is a part of
	cancel context.CancelCauseFunc
	b      *Bucket
	key    string
	mark   string
	piece  int // how many bytes of the object are sent at a time

	id     string // of the multipart upload, once there is one
	buf    []byte // the piece that is filled
	spare  []byte // that of the piece before it, once it is sent
	sent   []types.CompletedPart
	size   int64
	answer chan answer // of the piece that is being sent, or nil
	err    error       // the first one
}

type answer struct {
	etag *string
	buf  []byte
	err  error
}

// Write implements [io.Writer]. It waits only if two pieces are full.
func (u *upload) Write(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 && u.err == nil {
		room := u.piece - len(u.buf)
		if room == 0 {
			u.err = u.send()
			continue
		}
		n := min(room, len(p))
		if len(u.buf)+n > cap(u.buf) {
			u.grow(len(u.buf) + n)
		}
		u.buf = append(u.buf, p[:n]...)
		p = p[n:]
		u.size += int64(n)
	}
	return total - len(p), u.err
}

// grow makes room for n bytes in the piece: twice as much as before, or a whole piece that
// another upload has left.
func (u *upload) grow(n int) {
	const small = 1 << 20
	size := max(64<<10, 2*cap(u.buf), n)
	if size <= small {
		u.buf = append(make([]byte, 0, size), u.buf...)
		return
	}
	p, ok := u.b.buffers.Get().(*[]byte)
	if !ok || cap(*p) < u.piece {
		p = new(make([]byte, 0, u.piece))
	}
	u.buf = append((*p)[:0], u.buf...)
}

// free gives the buffers of whole pieces to other uploads.
func (u *upload) free() {
	for _, buf := range [][]byte{u.buf, u.spare} {
		if int64(cap(buf)) == u.b.config.PartSize { // larger ones are rare
			u.b.buffers.Put(&buf)
		}
	}
	u.buf, u.spare = nil, nil
}

// send begins to send the piece that is full, once the one before it is sent.
func (u *upload) send() error {
	if err := u.wait(); err != nil {
		return err
	}
	if u.id == "" {
		if err := u.begin(); err != nil {
			return err
		}
	}
	number := len(u.sent) + 1
	if number > 10_000 {
		return fmt.Errorf("s3: an object of more than 10,000 pieces of %d bytes: Config.MaxBytes is too small", u.piece)
	}
	buf := u.buf
	u.buf, u.spare = u.spare, nil
	u.answer = make(chan answer, 1)
	go func(answers chan<- answer) {
		etag, err := u.sendPiece(int32(number), buf)
		answers <- answer{etag, buf, err}
	}(u.answer)
	return nil
}

func (u *upload) begin() error {
	ctx, cancel := context.WithTimeout(u.ctx, callTimeout)
	defer cancel()
	in := &s3.CreateMultipartUploadInput{
		Bucket: &u.b.config.Name, Key: &u.key, Metadata: map[string]string{markName: u.mark},
		ContentType: aws.String("application/octet-stream"),
	}
	in.ServerSideEncryption, in.SSEKMSKeyId = u.b.encryption()
	out, err := u.b.config.Client.CreateMultipartUpload(ctx, in)
	if err != nil {
		return wrap("begin upload", err)
	}
	if u.id = aws.ToString(out.UploadId); u.id == "" {
		return fmt.Errorf("s3: begin upload: %w", errNoAnswer)
	}
	u.b.begun.add(u.id, u.key)
	return nil
}

func (b *Bucket) encryption() (types.ServerSideEncryption, *string) {
	if b.config.KMSKey == "" {
		return "", nil
	}
	return types.ServerSideEncryptionAwsKms, &b.config.KMSKey
}

func (u *upload) sendPiece(number int32, buf []byte) (etag *string, err error) {
	ctx, cancel := sendTimeout(u.ctx, len(buf))
	defer cancel()
	out, err := u.b.config.Client.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: &u.b.config.Name, Key: &u.key, UploadId: &u.id, PartNumber: &number,
		Body: bytes.NewReader(buf), ContentMD5: contentMD5(buf),
	})
	if err == nil {
		err = checkETag(out.ETag)
	}
	if err != nil {
		return nil, wrap("upload", err)
	}
	return out.ETag, nil
}

// sendTimeout gives a slow connection the time that it needs for n bytes.
func sendTimeout(ctx context.Context, n int) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, callTimeout+time.Duration(n/slowest)*time.Second)
}

func contentMD5(b []byte) *string {
	sum := md5.Sum(b) //nolint:gosec // see the import
	return aws.String(base64.StdEncoding.EncodeToString(sum[:]))
}

// wait waits until no piece is being sent.
func (u *upload) wait() error {
	if u.answer == nil {
		return nil
	}
	a := <-u.answer
	u.answer, u.spare = nil, a.buf[:0]
	if a.err != nil {
		return a.err
	}
	u.sent = append(u.sent, types.CompletedPart{ETag: a.etag, PartNumber: aws.Int32(int32(len(u.sent) + 1))})
	return nil
}

// finish sends the rest, and makes the object.
func (u *upload) finish() error {
	if u.err != nil {
		return u.err
	}
	if u.id == "" {
		return u.settle(u.putWhole())
	}
	if len(u.buf) > 0 {
		if err := u.send(); err != nil {
			return err
		}
	}
	if err := u.wait(); err != nil {
		return err
	}
	if err := u.settle(u.complete()); err != nil {
		return err
	}
	u.b.begun.remove(u.id)
	return nil
}

// putWhole makes an object of one piece.
func (u *upload) putWhole() error {
	ctx, cancel := sendTimeout(u.ctx, len(u.buf))
	defer cancel()
	in := &s3.PutObjectInput{
		Bucket: &u.b.config.Name, Key: &u.key, Metadata: map[string]string{markName: u.mark},
		Body: bytes.NewReader(u.buf), ContentLength: aws.Int64(int64(len(u.buf))), ContentMD5: contentMD5(u.buf),
		ContentType: aws.String("application/octet-stream"),
	}
	in.ServerSideEncryption, in.SSEKMSKeyId = u.b.encryption()
	out, err := u.b.config.Client.PutObject(ctx, in)
	if err == nil {
		err = checkETag(out.ETag)
	}
	return wrap("put", err)
}

// complete makes an object of the pieces. A server may need minutes for it.
func (u *upload) complete() error {
	ctx, cancel := context.WithTimeout(u.ctx, 10*time.Minute)
	defer cancel()
	out, err := u.b.config.Client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &u.b.config.Name, Key: &u.key, UploadId: &u.id,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: u.sent},
	})
	if err == nil {
		err = checkETag(out.ETag)
	}
	return wrap("complete upload", err)
}

// errNoAnswer is what is wrong with an answer of status 200 that is not that of S3, such as the page
// of a proxy that lets the request not pass.
var errNoAnswer = errors.New("the answer is none of S3")

// checkETag returns an error if an answer does not say what was stored.
func checkETag(etag *string) error {
	if aws.ToString(etag) == "" {
		return errNoAnswer
	}
	return nil
}

// settle returns nil if the object is there as it was sent. A request that failed may
// have made it: its answer was lost, and the next try found no upload any more.
func (u *upload) settle(failure error) error {
	if failure == nil && u.id == "" {
		return nil // the server has compared the MD5 of all of it
	}
	ctx, cancel := u.ending()
	defer cancel()
	head, err := u.b.config.Client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &u.b.config.Name, Key: &u.key})
	switch {
	case err != nil:
		return failure // if there is none, the server has said that the object is complete
	case failure != nil && head.Metadata[markName] != u.mark:
		return failure
	case aws.ToInt64(head.ContentLength) != u.size:
		return errors.Join(failure, fmt.Errorf("s3: an object has %d bytes, of %d that were sent", aws.ToInt64(head.ContentLength), u.size))
	}
	return nil
}

// ending is the context of what has to be done even if that of the upload has ended. Then it is
// a short one: somebody waits.
func (u *upload) ending() (context.Context, context.CancelFunc) {
	timeout := abortTimeout
	if u.ctx.Err() != nil {
		timeout = pieceGrace
	}
	return context.WithTimeout(context.WithoutCancel(u.ctx), timeout)
}

// abort ends an upload that has failed. What cannot be aborted now is left to Sweep. So is an
// upload of which a piece was on its way when the context ended: a server that still receives
// it may keep the upload.
func (u *upload) abort() {
	cut := u.settlePiece()
	if u.id == "" {
		return
	}
	ctx, cancel := u.ending()
	defer cancel()
	err := u.b.abortUpload(ctx, u.key, u.id)
	if err != nil {
		u.b.config.Logger.WarnContext(ctx, "an upload could not be aborted: it is swept later", "key", u.key, "error", err)
	}
	if err != nil || cut {
		u.b.begun.leave(u.id)
		return
	}
	u.b.begun.remove(u.id)
}

// settlePiece waits until no piece is being sent, but not long. It reports whether sending one
// was broken off.
func (u *upload) settlePiece() (cut bool) {
	if u.answer == nil {
		return u.ctx.Err() != nil
	}
	defer time.AfterFunc(pieceGrace, func() { u.cancel(errAborted) }).Stop()
	return u.wait() != nil
}
