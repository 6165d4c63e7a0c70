package sign_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/sign"
)

const (
	organization = "2AbCdEfGhJkMnPqRsTuVwX"
	jobID        = "H9cNmGXLEc8NWcZzSThA9S"
	objectKey    = organization + "/" + jobID + "/2.tar.gz"
	filename     = "export-acme-foods-20260626-210000.tar.gz"
	prefix       = "/data/downloads"
)

var start = time.Date(2026, 6, 26, 21, 0, 0, 500e6, time.UTC)

func newKey(id string) sign.Key {
	secret := sha256.Sum256([]byte("secret of " + id))
	return sign.Key{ID: id, Secret: secret[:]}
}

func newKeyring(t testing.TB, ids ...string) *sign.Keyring {
	t.Helper()
	var keys []sign.Key
	for _, id := range ids {
		keys = append(keys, newKey(id))
	}
	keyring, err := sign.NewKeyring(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return keyring
}

// jobs is what a store has; calls counts questions.
type fakeJobs struct {
	mu    sync.Mutex
	job   jobs.Job
	err   error
	calls int
}

func (j *fakeJobs) Get(_ context.Context, organizationID, id string) (jobs.Job, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.calls++
	if j.err != nil {
		return jobs.Job{}, j.err
	}
	if organizationID != j.job.Organization.ID || id != j.job.ID {
		return jobs.Job{}, export.ErrNotFound
	}
	return j.job, nil
}

// destination has one object. Its readers may break.
type destination struct {
	jobs.Destination

	mu      sync.Mutex
	content []byte
	breaks  []int64 // offsets behind which the next readers fail
	opened  int
	closed  int
}

var errRead = errors.New("the disk of 10.0.0.7 has failed")

func (d *destination) Open(_ context.Context, key string) (io.ReadSeekCloser, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if key != objectKey || d.content == nil {
		return nil, fmt.Errorf("%w: object", export.ErrNotFound)
	}
	d.opened++
	r := &reader{Reader: bytes.NewReader(d.content), d: d, limit: -1}
	if len(d.breaks) > 0 {
		r.limit, d.breaks = d.breaks[0], d.breaks[1:]
	}
	return r, nil
}

type reader struct {
	*bytes.Reader
	d     *destination
	limit int64 // negative: none
}

func (r *reader) Read(p []byte) (int, error) {
	if at := r.Size() - int64(r.Len()); r.limit >= 0 {
		if at >= r.limit {
			return 0, errRead
		}
		p = p[:min(int64(len(p)), r.limit-at)]
	}
	return r.Reader.Read(p)
}

// WriteTo of bytes.Reader is not what is tested.
func (r *reader) WriteTo(io.Writer) (int64, error) { panic("not read but written") }

func (r *reader) Close() error {
	r.d.mu.Lock()
	defer r.d.mu.Unlock()
	r.d.closed++
	return nil
}

// trail keeps entries.
type trail struct {
	mu      sync.Mutex
	entries []audit.Entry
	err     error
}

func (tr *trail) Record(ctx context.Context, e audit.Entry) error {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	tr.entries = append(tr.entries, e)
	return tr.err
}

func (tr *trail) all() []audit.Entry {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return append([]audit.Entry(nil), tr.entries...)
}

// lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// world is a handler and all that it works with.
type world struct {
	keys        *sign.Keyring
	jobs        *fakeJobs
	destination *destination
	trail       *trail
	log         *lockedBuffer
	now         time.Time // of all links of this world
	config      sign.Config
	handler     http.Handler
	content     []byte
}

func newWorld(t testing.TB, change ...func(*sign.Config)) *world {
	t.Helper()
	content := make([]byte, 300_000)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(content) // never fails
	sum := sha256.Sum256(content)
	w := &world{
		keys:        newKeyring(t, "2026-07", "2026-01"),
		destination: &destination{content: content},
		trail:       &trail{},
		log:         &lockedBuffer{},
		now:         start,
		content:     content,
		jobs: &fakeJobs{job: jobs.Job{
			ID: jobID, Organization: export.Organization{ID: organization}, Status: jobs.Completed, Attempt: 2,
			Filename: filename, ObjectKey: objectKey, Size: int64(len(content)), SHA256: sum[:],
			FinishedAt: time.Date(2026, 6, 26, 20, 59, 58, 123e6, time.UTC),
		}},
	}
	w.config = sign.Config{
		Keys: w.keys, URL: "http://example.com" + prefix, Jobs: w.jobs, Destination: w.destination, Audit: w.trail,
		Logger: slog.New(slog.NewTextHandler(w.log, nil)),
		Now:    func() time.Time { return w.now },
	}
	for _, f := range change {
		f(&w.config)
	}
	w.handler = newLinks(t, w.config)
	return w
}

func newLinks(t testing.TB, c sign.Config) *sign.Links {
	t.Helper()
	links, err := sign.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return links
}

// links are those of this world at another URL.
func (w *world) links(t testing.TB, url string) *sign.Links {
	t.Helper()
	c := w.config
	c.URL = url
	return newLinks(t, c)
}

// link signs a link to a server, by default for an hour.
func (w *world) link(t testing.TB, base string) string {
	t.Helper()
	return w.linkTo(t, w.keys, base, objectKey, filename)
}

func (w *world) linkTo(t testing.TB, keys *sign.Keyring, base, key, name string) string {
	t.Helper()
	c := w.config
	c.Keys, c.URL = keys, base+prefix
	c.Now = func() time.Time { return w.now } // the handler may go by another clock
	l, err := newLinks(t, c).Sign(t.Context(), key, name, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return l.URL
}

// uri is the link as it stands in a request.
func (w *world) uri(t testing.TB) string {
	t.Helper()
	return strings.TrimPrefix(w.link(t, "http://example.com"), "http://example.com")
}

// do makes a request without a network. Header fields are "Name: value".
func (w *world) do(t testing.TB, method, uri string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, uri, nil)
	for _, field := range header {
		name, value, _ := strings.Cut(field, ": ")
		r.Header.Add(name, value)
	}
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	return rec
}

// untouched fails the test if anything was looked up.
func (w *world) untouched(t testing.TB) {
	t.Helper()
	if w.jobs.calls != 0 || w.destination.opened != 0 {
		t.Errorf("%d questions about jobs and %d objects opened for a link that is not good", w.jobs.calls, w.destination.opened)
	}
}

// needTool skips the test, or fails it where skips are forbidden.
func needTool(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err == nil {
		return
	}
	if os.Getenv("REQUIRE_TOOLS") == "1" {
		t.Fatalf("there is no %s, and REQUIRE_TOOLS is 1", name)
	}
	t.Skipf("skipped: there is no %s", name)
}
