package fetch

import (
	"context"
	"fmt"
	"hash/maphash"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/orgexport/orgexport/export"
)

// file is a file that is being fetched. One goroutine uses it at a time.
type file struct {
	session *Session
	ctx     context.Context // ends when the file is not wanted any more
	url     *url.URL
	host    *host

	began  time.Time // when the first try began, or the last one that has brought enough
	failed time.Time // when the last try has failed; at first that is when the first began
	tries  int       // that have failed since the file began

	size int64  // -1: not known
	etag string // a strong one, or empty
	read int64  // of the file, so far
	sum  maphash.Hash

	answer *answer // that is being read; nil: there is none
	fresh  int64   // what was read since tries were counted from zero
	broken error   // why the answer has ended; it is told once what came before is read
	left   bool    // the session does not know the file any more
}

// Open opens the file at a URL. It returns when the server has answered that it has the file. What
// is read is checked and resumed as the package says. ctx has to last until all is read; the Body
// has to be closed.
func (s *Session) Open(ctx context.Context, url string) (export.Content, error) {
	u, err := s.source.config.parse(url)
	if err != nil {
		return export.Content{}, err
	}
	now := time.Now()
	f := &file{session: s, ctx: ctx, url: u, host: s.enter(u.Host), began: now, failed: now, size: -1}
	if err := f.open(); err != nil {
		_ = f.Close() // that never fails
		return export.Content{}, err
	}
	modified, _ := http.ParseTime(f.answer.header.Get("Last-Modified"))
	return export.Content{Body: f, Size: f.size, Modified: modified}, nil
}

// open gets an answer with the file from where it was read to.
func (f *file) open() error {
	for {
		if err := f.wait(); err != nil {
			return err
		}
		answer, err := f.ask()
		if err == nil {
			if err = f.take(answer); err == nil {
				return nil
			}
			answer.close()
		}
		if err := f.retry(err); err != nil {
			return err
		}
	}
}

// wait waits until the host may be asked.
func (f *file) wait() error {
	for {
		delay, ok := f.session.due(f.host)
		switch {
		case !ok:
			return f.session.skip(f)
		case delay <= 0:
			return ended(f.ctx, nil)
		}
		if err := f.sleep(delay); err != nil {
			return err
		}
	}
}

// retry waits until the file is to be tried again. It returns an error if it is not.
func (f *file) retry(err error) error {
	if f.ctx.Err() != nil {
		return context.Cause(f.ctx)
	}
	why, again := err.(*failure) //nolint:errorlint // it is one of this package, as it was made
	if !again {
		return err
	}
	delay, err := f.session.failed(f, why)
	if err != nil {
		return err
	}
	return f.sleep(delay)
}

func (f *file) sleep(delay time.Duration) error {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-f.ctx.Done():
		return context.Cause(f.ctx)
	}
}

// take looks whether an answer has the file, from where it was read to. What of it was read before
// is read once more, and compared. The error is a failure or final.
func (f *file) take(a *answer) error {
	if a.header.Get("Content-Encoding") != "" && !strings.EqualFold(a.header.Get("Content-Encoding"), "identity") {
		return errEncoded
	}
	if a.status == http.StatusPartialContent {
		if f.read > 0 && a.header.Get("ETag") == "" { // it may be of any version
			f.etag = ""
			return &failure{err: errNameless}
		}
		if f.read == 0 || !f.continues(a.header) {
			return errChanged
		}
		f.answer = a
		return nil
	}
	if limit := f.session.source.config.MaxFileBytes; limit >= 0 && a.size > limit {
		return tooLarge(limit)
	}
	if f.read > 0 {
		if err := f.again(a); err != nil {
			return err
		}
	}
	f.answer, f.size, f.etag = a, a.size, strong(a.header.Get("ETag"))
	return nil
}

// again reads what was read before.
func (f *file) again(a *answer) error {
	var sum maphash.Hash
	sum.SetSeed(f.sum.Seed())
	n, err := io.CopyN(&sum, a, f.read)
	switch {
	case n == f.read && sum.Sum64() == f.sum.Sum64():
		return nil
	case err != nil && err != io.EOF: //nolint:errorlint // as io.Copy has it
		return asFailure(err)
	}
	return errChanged
}

// continues reports whether a part of a file is the one that was asked for.
func (f *file) continues(h http.Header) bool {
	if f.etag == "" || h.Get("ETag") != f.etag {
		return false
	}
	var first, last, size int64
	n, err := fmt.Sscanf(h.Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &size)
	if err != nil || n != 3 || first != f.read || size != last+1 || f.size >= 0 && size != f.size {
		return false
	}
	f.size = size
	return true
}

// strong returns an ETag that may be compared byte for byte, or nothing.
func strong(etag string) string {
	if len(etag) < 2 || etag[0] != '"' || etag[len(etag)-1] != '"' {
		return ""
	}
	return etag
}

// Read implements [io.Reader].
func (f *file) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if f.broken != nil {
			if err := f.resume(); err != nil {
				return 0, err
			}
		}
		n, err := f.answer.Read(p)
		f.note(p[:n])
		if limit := f.session.source.config.MaxFileBytes; limit >= 0 && f.read > limit {
			return 0, tooLarge(limit)
		}
		if err == io.EOF && (f.size < 0 || f.read == f.size) { //nolint:errorlint // as io.Reader has it
			return n, err
		}
		f.broken = err
		if n > 0 {
			return n, nil
		}
	}
}

// note notes what was read. A server that brings something may fail again.
func (f *file) note(p []byte) {
	_, _ = f.sum.Write(p) // it never fails
	f.read += int64(len(p))
	if f.fresh += int64(len(p)); f.fresh >= enough {
		now := time.Now()
		f.fresh, f.tries, f.began, f.failed = 0, 0, now, now
	}
}

// resume gets the rest of the file after the connection has broken.
func (f *file) resume() error {
	err := f.broken
	if err == io.EOF { //nolint:errorlint // as io.Reader has it
		err = errCut
	}
	f.answer.close()
	if err = f.retry(asFailure(err)); err == nil {
		err = f.open()
	}
	if err == nil {
		f.broken = nil
	}
	return err
}

// Close implements [io.Closer].
func (f *file) Close() error {
	if f.answer != nil {
		f.answer.close()
	}
	if !f.left {
		f.left = true
		f.session.leave(f.host)
	}
	return nil
}
