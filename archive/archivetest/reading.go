package archivetest

import (
	"bytes"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/orgexport/orgexport/archive"
)

// readSample returns an archive that a Reader cannot read ahead to its end.
func (k *kit) readSample(t *testing.T) ([]byte, []item) {
	t.Helper()
	items := []item{
		newItem("first", text(3000, 1)),
		newItem("large", k.large(2*k.Segment+300)),
		newItem("last", text(3000, 2)),
	}
	return k.join(t, k.pack(t, items...)), items
}

// sources returns an archive as a stream, and as a file that can be read at any
// place. change is put around what both read from.
func sources(a []byte, change func(io.Reader) io.Reader) map[string]io.Reader {
	in := bytes.NewReader(a)
	return map[string]io.Reader{
		"stream":   change(bytes.NewReader(a)),
		"in place": inPlace{change(in), in},
	}
}

// inPlace is a file whose bytes are read with Reader. at moves within the file.
type inPlace struct {
	io.Reader
	at *bytes.Reader
}

func (s inPlace) Seek(offset int64, whence int) (int64, error) { return s.at.Seek(offset, whence) }

func (s inPlace) ReadAt(p []byte, off int64) (int, error) {
	if _, err := s.at.Seek(off, io.SeekStart); err != nil {
		return 0, err
	}
	return io.ReadFull(s.Reader, p)
}

// testCloseReader closes Readers early, between files and within them. After that
// nothing may read the source, and closing again must do nothing.
func testCloseReader(t *testing.T, k *kit) {
	a, items := k.readSample(t)
	for at := range 2*len(items) + 1 {
		var closed atomic.Bool
		for kind, src := range sources(a, func(r io.Reader) io.Reader { return watched{r, t, &closed} }) {
			closed.Store(false)
			r, err := k.Format.NewReader(src, archive.ReadOptions{Scratch: k.scratch})
			if err != nil {
				t.Fatal(err)
			}
			for n := range at {
				if n%2 == 0 {
					_, err = r.Next()
				} else {
					_, err = io.ReadFull(r, make([]byte, 10))
				}
				if err != nil {
					t.Fatalf("%s, step %d: %v", kind, n, err)
				}
			}
			err = r.Close()
			closed.Store(true)
			if err := errors.Join(err, r.Close()); err != nil {
				t.Errorf("%s, closed after %d steps: %v", kind, at, err)
			}
			if _, err := r.Next(); err == nil || errors.Is(err, io.EOF) {
				t.Errorf("%s, closed after %d steps: Next returned %v", kind, at, err)
			}
		}
	}
}

// watched is a source that fails the test if it is read after closed is set.
type watched struct {
	r      io.Reader
	t      *testing.T
	closed *atomic.Bool
}

func (w watched) Read(p []byte) (int, error) {
	if w.closed.Load() {
		w.t.Error("the source is read after Close")
	}
	return w.r.Read(p)
}

// testReaderSourceFails has sources that fail at many offsets. The error must be
// the source's own, and files before it can be read.
func testReaderSourceFails(t *testing.T, k *kit) {
	a, items := k.readSample(t)
	for at := 0; at < len(a); at += len(a)/37 + 1 {
		stream := io.MultiReader(bytes.NewReader(a[:at]), iotest.ErrReader(errInjected))
		list, err := k.readOwn(stream)
		if !errors.Is(err, errInjected) || errors.Is(err, archive.ErrDamaged) {
			t.Fatalf("source fails at %d of %d: %v", at, len(a), err)
		}
		compare(t, list, files(items[:len(list)]))
	}
}

// testReaderSourcePanics has sources that panic at many offsets. The method that
// needs their bytes must panic, too.
func testReaderSourcePanics(t *testing.T, k *kit) {
	a, _ := k.readSample(t)
	for at := 0; at < len(a); at += len(a)/17 + 1 {
		caught := catch(func() {
			_, err := k.readOwn(io.MultiReader(bytes.NewReader(a[:at]), panics{}))
			t.Errorf("source panics at %d of %d: %v", at, len(a), err)
		})
		if caught != any(errInjected) {
			t.Errorf("source panics at %d of %d: panic of %v", at, len(a), caught)
		}
	}
}
