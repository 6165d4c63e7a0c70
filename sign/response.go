package sign

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// response is the writer that ServeContent gets. It counts what is sent, and gives
// the client more time for as long as it takes bytes. For a refusal of
// ServeContent (412, 416) it calls refuse.
type response struct {
	http.ResponseWriter
	control  *http.ResponseController
	idle     time.Duration
	extended time.Time // when the client was last given more time
	refuse   func(status int)

	status  int // 0 until the header is written, and of a refusal
	refused bool
	length  int64 // as the header says
	sent    int64
	err     error // of a write
}

func (w *response) WriteHeader(status int) {
	if status >= http.StatusBadRequest {
		w.refused = true
		w.refuse(status)
		return
	}
	w.status = status
	w.length, _ = strconv.ParseInt(w.Header().Get("Content-Length"), 10, 64) // 0 of a 304
	w.extend()
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(p []byte) (int, error) {
	if w.refused { // refuse has written the body
		return len(p), nil
	}
	w.extend()
	n, err := w.ResponseWriter.Write(p)
	w.sent += int64(n)
	if err != nil {
		w.err = err
	}
	return n, err
}

// extend gives the client at least the idle time to take the next bytes. It sets a
// new deadline only now and then: on HTTP/2 that costs a message to another
// goroutine. Deadlines go by the system's clock. A writer without deadlines, as in
// tests, is fine.
func (w *response) extend() {
	slack := w.idle / 8
	if now := time.Now(); now.Sub(w.extended) > slack {
		w.extended = now
		_ = w.control.SetWriteDeadline(now.Add(w.idle + slack))
	}
}

// flush sends what the server has buffered, so that the client has all of it
// before the download is recorded.
func (w *response) flush() {
	if err := w.control.Flush(); err != nil && !errors.Is(err, errors.ErrUnsupported) && w.err == nil {
		w.err = err
	}
}

// began reports whether a body was begun, or could have been.
func (w *response) began() bool {
	return w.status == http.StatusOK || w.status == http.StatusPartialContent
}

func (w *response) complete() bool { return w.err == nil && w.sent == w.length }

// source is the archive that is served. ServeContent reads several ranges in a
// goroutine, which may still read when ServeContent has returned.
type source struct {
	mu      sync.Mutex
	content io.ReadSeekCloser
	closed  bool
	err     error
}

func (s *source) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, io.ErrClosedPipe
	}
	n, err := s.content.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = fmt.Errorf("read the object: %w", err)
	}
	return n, err
}

func (s *source) Seek(offset int64, whence int) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, io.ErrClosedPipe
	}
	n, err := s.content.Seek(offset, whence)
	if err != nil {
		s.err = fmt.Errorf("seek in the object: %w", err)
	}
	return n, err
}

// Close closes the archive once.
func (s *source) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return s.content.Close()
}

// failure returns the error of reading, if there was one.
func (s *source) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}
