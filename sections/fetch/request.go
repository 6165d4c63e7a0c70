package fetch

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/orgexport/orgexport/internal/httpfield"
)

// enough is what a server has to send within Timeout.
const enough = 64 << 10

// answer is an answer that has (a part of) a file.
type answer struct {
	status int
	size   int64 // of the body; -1: not known
	header http.Header
	body   io.ReadCloser
	watch  *watch
}

// Read implements [io.Reader]. It ends when the server takes too long.
func (a *answer) Read(p []byte) (int, error) {
	a.watch.start()
	n, err := a.body.Read(p)
	a.watch.stop(n)
	if err != nil && err != io.EOF { //nolint:errorlint // as io.Reader has it
		err = ended(a.watch.ctx, err)
	}
	return n, err
}

func (a *answer) close() {
	a.watch.end()
	_ = a.body.Close() // it was only read
}

// watch ends a context when the server takes too long.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	limit  time.Duration
	left   time.Duration
	began  time.Time
	got    int // since left was full
	timer  *time.Timer
}

func newWatch(ctx context.Context, limit time.Duration) *watch {
	w := &watch{limit: limit, left: limit}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	return w
}

func (w *watch) start() {
	w.began = time.Now()
	if w.timer == nil {
		w.timer = time.AfterFunc(w.left, func() { w.cancel(errStalled) })
		return
	}
	w.timer.Reset(w.left)
}

func (w *watch) stop(got int) {
	w.timer.Stop()
	w.left = max(w.left-time.Since(w.began), 0)
	if w.got += got; w.got >= enough {
		w.got, w.left = 0, w.limit
	}
}

func (w *watch) end() {
	if w.timer != nil {
		w.timer.Stop()
	}
	w.cancel(nil)
}

// ask asks for the file, or for the rest of it, and follows redirects. The error is a failure
// that is tried again, or final.
func (f *file) ask() (*answer, error) {
	w := newWatch(f.ctx, f.session.source.config.Timeout)
	w.start()
	resp, err := f.follow(w.ctx)
	if err != nil {
		err = asFailure(ended(w.ctx, err))
	} else if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusPartialContent {
		err = f.refusal(resp)
		discard(resp)
	}
	w.stop(enough)
	if err != nil {
		w.end()
		return nil, err
	}
	f.session.answers(f.host)
	return &answer{status: resp.StatusCode, size: resp.ContentLength, header: resp.Header, body: resp.Body, watch: w}, nil
}

// refusal returns the error of an answer without the file. It may say that the host is well.
func (f *file) refusal(resp *http.Response) error {
	status := resp.StatusCode
	switch {
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
		return &failure{status: status, busy: true, after: httpfield.RetryAfter(resp.Header.Get("Retry-After"), time.Now())}
	case status >= 500 || status == http.StatusRequestTimeout || status == http.StatusTooEarly:
		return &failure{status: status}
	}
	f.session.answers(f.host)
	if status == http.StatusRequestedRangeNotSatisfiable {
		return errChanged
	}
	return statusError(status)
}

// follow asks for the file and follows redirects.
func (f *file) follow(ctx context.Context) (*http.Response, error) {
	c := &f.session.source.config
	u := f.url
	for redirects := 0; ; redirects++ {
		resp, err := f.session.source.transport.RoundTrip(f.request(ctx, u))
		if err != nil || !isRedirect(resp.StatusCode) {
			return resp, err
		}
		discard(resp)
		if redirects == c.Redirects {
			return nil, errOften
		}
		if u, err = c.redirected(u, resp.Header.Get("Location")); err != nil {
			return nil, err
		}
	}
}

// request is made by hand: a client would add a Referer, which has the URL, and cookies.
func (f *file) request(ctx context.Context, u *url.URL) *http.Request {
	h := http.Header{
		"User-Agent":      {f.session.source.config.UserAgent},
		"Accept":          {"*/*"},
		"Accept-Encoding": {"identity"},
	}
	if f.read > 0 && f.etag != "" {
		h.Set("Range", fmt.Sprintf("bytes=%d-", f.read))
		h.Set("If-Range", f.etag)
	}
	r := &http.Request{Method: http.MethodGet, URL: u, Host: u.Host, Header: h, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	return r.WithContext(ctx)
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// discard ends a body that nobody reads. A short one is read, so that its connection can be used
// again.
func discard(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10) // it does not matter
	_ = resp.Body.Close()
}
