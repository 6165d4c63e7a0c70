package exporttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/orgexport/orgexport/export"
)

// MemSpool is an [export.Spool] in memory, for tests. Its zero value is ready
// for use. It is safe for concurrent use.
type MemSpool struct {
	mu    sync.Mutex
	parts map[export.PartID][]byte
}

// Put implements [export.Spool].
func (s *MemSpool) Put(ctx context.Context, id export.PartID, write func(io.Writer) error) error {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parts == nil {
		s.parts = make(map[export.PartID][]byte)
	}
	s.parts[id] = b.Bytes()
	return nil
}

// Open implements [export.Spool].
func (s *MemSpool) Open(_ context.Context, id export.PartID) (io.ReadSeekCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.parts[id]
	if !ok {
		return nil, fmt.Errorf("%w: part of section %q", export.ErrNotFound, id.Section)
	}
	r := bytes.NewReader(b)
	return struct {
		io.ReadSeeker
		io.Closer
	}{r, io.NopCloser(r)}, nil
}

// Delete implements [export.Spool].
func (s *MemSpool) Delete(_ context.Context, id export.PartID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.parts, id)
	return nil
}

// List implements [export.Spool].
func (s *MemSpool) List(_ context.Context, jobID string) ([]export.PartID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []export.PartID
	for id := range s.parts {
		if id.JobID == jobID {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// RunSpool checks an [export.Spool] against its documentation. newSpool
// returns an empty one for each subtest.
func RunSpool(t *testing.T, newSpool func(t *testing.T) export.Spool) {
	for _, c := range []struct {
		name string
		test func(*testing.T, export.Spool)
	}{
		{"ReadsBack", spoolReadsBack},
		{"EmptyPart", spoolEmptyPart},
		{"NotFound", spoolNotFound},
		{"FailedPutIsInvisible", spoolFailedPut},
		{"PanickedPutIsInvisible", spoolPanickedPut},
		{"CancelledPutIsInvisible", spoolCancelledPut},
		{"Replaces", spoolReplaces},
		{"IndependentReaders", spoolIndependentReaders},
		{"Deletes", spoolDeletes},
		{"ListsByJob", spoolLists},
		{"Concurrent", spoolConcurrent},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, newSpool(t)) })
	}
}

func partID(job, section string) export.PartID {
	return export.PartID{JobID: job, Section: section, Attempt: 1}
}

var somePart = partID("2222222222222222222222", "products")

func put(t *testing.T, s export.Spool, id export.PartID, content string) {
	t.Helper()
	err := s.Put(t.Context(), id, func(w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	})
	if err != nil {
		t.Fatalf("Put: %v", err)
	}
}

func get(t *testing.T, s export.Spool, id export.PartID) string {
	t.Helper()
	r, err := s.Open(t.Context(), id)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	b, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		t.Fatalf("read: %v", err)
	}
	return string(b)
}

func wantNone(t *testing.T, s export.Spool, id export.PartID) {
	t.Helper()
	if _, err := s.Open(t.Context(), id); !errors.Is(err, export.ErrNotFound) {
		t.Errorf("Open gives %v, want ErrNotFound", err)
	}
	ids, err := s.List(t.Context(), id.JobID)
	if err != nil || slices.Contains(ids, id) {
		t.Errorf("List gives %v, %v, want it without %v", ids, err, id)
	}
}

func spoolReadsBack(t *testing.T, s export.Spool) {
	content := strings.Repeat("part of a part ", 100_000)
	put(t, s, somePart, content)
	r, err := s.Open(t.Context(), somePart)
	if err != nil {
		t.Fatal(err)
	}
	if err := iotest.TestReader(r, []byte(content)); err != nil {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func spoolEmptyPart(t *testing.T, s export.Spool) {
	put(t, s, somePart, "")
	if got := get(t, s, somePart); got != "" {
		t.Errorf("got %q", got)
	}
}

func spoolNotFound(t *testing.T, s export.Spool) { wantNone(t, s, somePart) }

var errWrite = errors.New("write failed")

func spoolFailedPut(t *testing.T, s export.Spool) {
	fail := func(w io.Writer) error {
		_, _ = io.WriteString(w, "half a part")
		return errWrite
	}
	if err := s.Put(t.Context(), somePart, fail); !errors.Is(err, errWrite) {
		t.Errorf("Put gives %v, want the error of write", err)
	}
	wantNone(t, s, somePart)
	put(t, s, somePart, "old")
	if err := s.Put(t.Context(), somePart, fail); !errors.Is(err, errWrite) {
		t.Errorf("Put gives %v, want the error of write", err)
	}
	if got := get(t, s, somePart); got != "old" {
		t.Errorf("after a failed Put the part is %q, want it as it was", got)
	}
}

func spoolPanickedPut(t *testing.T, s export.Spool) {
	func() {
		defer func() { _ = recover() }()
		_ = s.Put(t.Context(), somePart, func(w io.Writer) error {
			_, _ = io.WriteString(w, "half a part")
			panic("write")
		})
	}()
	wantNone(t, s, somePart)
}

func spoolCancelledPut(t *testing.T, s export.Spool) {
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Put(ctx, somePart, func(w io.Writer) error {
		_, _ = io.WriteString(w, "half a part")
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Put gives %v, want the context's error", err)
	}
	wantNone(t, s, somePart)
}

func spoolReplaces(t *testing.T, s export.Spool) {
	put(t, s, somePart, "a long first part")
	put(t, s, somePart, "second")
	if got := get(t, s, somePart); got != "second" {
		t.Errorf("got %q", got)
	}
}

func spoolIndependentReaders(t *testing.T, s export.Spool) {
	put(t, s, somePart, "0123456789")
	a, err := s.Open(t.Context(), somePart)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := s.Open(t.Context(), somePart)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := b.Seek(-4, io.SeekEnd); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		r    io.Reader
		want string
	}{{a, "01"}, {b, "67"}, {a, "23"}, {b, "89"}} {
		got := make([]byte, 2)
		if _, err := io.ReadFull(c.r, got); err != nil || string(got) != c.want {
			t.Fatalf("read %q, %v, want %q", got, err, c.want)
		}
	}
}

func spoolDeletes(t *testing.T, s export.Spool) {
	other := partID(somePart.JobID, "members")
	put(t, s, somePart, "x")
	put(t, s, other, "y")
	for range 2 { // deleting what is not there is no error
		if err := s.Delete(t.Context(), somePart); err != nil {
			t.Fatal(err)
		}
	}
	wantNone(t, s, somePart)
	if got := get(t, s, other); got != "y" {
		t.Errorf("the other part is %q", got)
	}
}

func spoolLists(t *testing.T, s export.Spool) {
	want := []export.PartID{
		{JobID: "2222222222222222222222", Section: "members", Attempt: 1},
		{JobID: "2222222222222222222222", Section: "members", Attempt: 2},
		{JobID: "2222222222222222222222", Section: "products", Shard: 3, Attempt: 1},
	}
	for _, id := range append(want, partID("3333333333333333333333", "members")) {
		put(t, s, id, id.Section)
	}
	got, err := s.List(t.Context(), "2222222222222222222222")
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got, func(a, b export.PartID) int {
		return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
	})
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func spoolConcurrent(t *testing.T, s export.Spool) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			id := partID(somePart.JobID, fmt.Sprintf("section_%d", i))
			for n := range 20 {
				content := strings.Repeat(fmt.Sprint(i), n*1000)
				err := s.Put(t.Context(), id, func(w io.Writer) error {
					_, err := io.WriteString(w, content)
					return err
				})
				if err != nil {
					t.Error(err)
					return
				}
				r, err := s.Open(t.Context(), id)
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(r)
				if err = errors.Join(err, r.Close()); err != nil || string(got) != content {
					t.Errorf("part %d, round %d: %d bytes, %v", i, n, len(got), err)
				}
			}
		})
	}
	wg.Wait()
}
