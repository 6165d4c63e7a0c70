package httpapi_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/access/accesstest"
	"github.com/orgexport/orgexport/export/audit/audittest"
	"github.com/orgexport/orgexport/export/exporttest"
	"github.com/orgexport/orgexport/export/faulttest"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
	"github.com/orgexport/orgexport/httpapi"
)

const (
	ourOrg   = "H9cNmGXLEc8NWcZzSThA9S"
	theirOrg = "H9cNmGXLEc8NWcZzSThA9T"
	noOrg    = "H9cNmGXLEc8NWcZzSThA9U"
	noJob    = "2222222222222222222222"
	tooLarge = "zzzzzzzzzzzzzzzzzzzzzz" // follows the pattern and stands for no UUID

	exports = "/dashboard/api/v1/data-export/"
	secret  = "s3cret-db.internal:5432"
)

var errSecret = errors.New("dial " + secret + ": SELECT * FROM jobs")

// world is an API with everything behind it in memory.
type world struct {
	t       testing.TB
	config  httpapi.Config
	service *jobs.Service

	serviceConfig jobs.Config // for another service

	store       *jobstest.MemStore
	dispatcher  *jobstest.MemDispatcher
	destination *jobstest.MemDestination
	keys        *accesstest.MemKeys
	sessions    *accesstest.MemSessions
	tokens      *tokens
	members     *accesstest.MemMembers
	trail       *audittest.MemLog
	faults      *faulttest.Faults
	notReady    *notReady
	touches     atomic.Int64 // how often jobs or members were
	sealed      atomic.Bool  // neither may be touched
	closed      atomic.Bool  // nor any credentials
	log         *lockedBuffer

	key         string // of a manager of ourOrg
	credentials option // that are sent unless a request has others: those of key
	handler     http.Handler
	server      *httptest.Server
	unserved    bool // there is no server
}

// newWorld makes one; change may be nil.
func newWorld(t testing.TB, change func(w *world)) *world {
	t.Helper()
	return newWorldSigning(t, func(*world) jobs.Signer { return new(jobstest.MemSigner) }, change)
}

// newWorldSigning makes one whose signer newSigner returns, for the ports of the
// world.
func newWorldSigning(t testing.TB, newSigner func(w *world) jobs.Signer, change func(w *world)) *world {
	t.Helper()
	w := &world{
		t: t, store: new(jobstest.MemStore), dispatcher: new(jobstest.MemDispatcher),
		destination: new(jobstest.MemDestination), keys: new(accesstest.MemKeys), members: new(accesstest.MemMembers),
		sessions: new(accesstest.MemSessions), trail: new(audittest.MemLog), faults: faulttest.New(), notReady: new(notReady), log: new(lockedBuffer),
	}
	logger := slog.New(slog.NewTextHandler(w.log, nil))
	engine, err := export.New(export.Config{
		Sections: []export.Section{section("organization"), section("products"), section("tickets")},
		Spool:    new(exporttest.MemSpool), Scratch: t.TempDir(), Logger: logger,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.tokens = &tokens{touch: w.lookup}
	w.serviceConfig = jobs.Config{
		Engine:      engine,
		Store:       checkedStore{w.faults.Store(watchedStore{w.store, w.touch}), w.notReady},
		Dispatcher:  w.dispatcher,
		Destination: checkedDestination{w.destination, w.notReady},
		Signer:      w.faults.Signer(newSigner(w)),
		Organizations: jobstest.MemOrganizations{
			ourOrg: {ID: ourOrg, Slug: "acme-foods", Name: "Acme Foods"}, theirOrg: {ID: theirOrg, Slug: "other", Name: "Other"},
		},
		Logger: logger,
	}
	if w.service, err = jobs.New(w.serviceConfig); err != nil {
		t.Fatal(err)
	}
	w.config = httpapi.Config{
		Service: w.service, Keys: w.faults.KeyStore(watchedKeys{w.keys, w.lookup}), Bearer: w.tokens,
		Sessions: w.faults.SessionStore(watchedSessions{w.sessions, w.lookup}), AddressLimits: access.Limits{PerMinute: 1e6, PerDay: 1e6},
		Members: w.faults.MemberStore(watchedMembers{w.members, w.touch}),
		Audit:   w.faults.Log(w.trail), Logger: logger,
	}
	w.key = w.newKey(access.Key{Kind: access.Business, OrganizationID: ourOrg, Role: access.Manager})
	w.credentials = withKey(w.key)
	if change != nil {
		change(w)
	}
	if w.handler, err = httpapi.New(w.config); err != nil {
		t.Fatal(err)
	}
	if !w.unserved {
		w.server = httptest.NewServer(w.handler)
		t.Cleanup(w.server.Close)
	}
	return w
}

func section(key string) export.Section { return simple(key) }

type simple string

func (s simple) Key() string { return string(s) }

func (s simple) Export(_ context.Context, _ export.Scope, sink export.Sink) error {
	if s == "tickets" {
		return nil // empty
	}
	if err := sink.Record("a.yaml", map[string]string{"key": string(s)}); err != nil || s == "organization" {
		return err
	}
	return sink.Binary("a.bin", strings.NewReader("binary"))
}

func (w *world) touch() {
	w.touches.Add(1)
	if w.sealed.Load() {
		w.t.Error("the store of jobs or of members was touched")
	}
}

func (w *world) lookup() {
	if w.closed.Load() {
		w.t.Error("credentials were looked up")
	}
}

// newKey stores k and returns its text.
func (w *world) newKey(k access.Key) string {
	w.t.Helper()
	text, err := w.config.KeyPrefixes.NewText(k.Kind, rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	k.ID, k.Hash = newID(), access.Hash(text)
	if k.CreatedAt.IsZero() {
		k.CreatedAt = time.Now()
	}
	if err := w.keys.CreateKey(w.t.Context(), k); err != nil {
		w.t.Fatal(err)
	}
	return text
}

var ids atomic.Uint32

func newID() string {
	n := ids.Add(1)
	return export.EncodeID([16]byte{14: byte(n >> 8), 15: byte(n)})
}

// work runs all jobs that were dispatched.
func (w *world) work() {
	w.t.Helper()
	for _, task := range w.dispatcher.Take() {
		if err := w.service.Work(w.t.Context(), task); err != nil {
			w.t.Fatal(err)
		}
	}
}

// job creates a job of ours by the API and returns its id.
func (w *world) job(query string) string {
	w.t.Helper()
	r := w.send("POST", exports+ourOrg+query)
	r.want(http.StatusOK)
	return r.text("job_id")
}

// option changes a request before it is sent.
type option func(*http.Request)

func withKey(key string) option {
	return func(r *http.Request) { withoutKey(r); r.Header.Set("X-Api-Key", key) }
}

func withHeader(name, value string) option {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// withoutKey removes credentials of any kind.
func withoutKey(r *http.Request) {
	for _, name := range []string{"X-Api-Key", "Authorization", "Cookie"} {
		r.Header.Del(name)
	}
}

func withBody(contentType, body string) option {
	return func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		if contentType != "" {
			r.Header.Set("Content-Type", contentType)
		}
	}
}

// reply is a response that has passed the checks that all have to.
type reply struct {
	*http.Response
	t    testing.TB
	body []byte
	json map[string]any // of a JSON object
}

// send sends a request with the world's credentials and checks what holds for every
// response.
func (w *world) send(method, path string, options ...option) reply {
	w.t.Helper()
	return sendTo(w.t, w.server.URL, method, path, append([]option{w.credentials}, options...)...)
}

func sendTo(t testing.TB, server, method, path string, options ...option) reply {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, server+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range options {
		o(request)
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	r := reply{Response: response, t: t, body: body}
	if media := response.Header.Get("Content-Type"); method != http.MethodHead && strings.Contains(media, "json") {
		if err := json.Unmarshal(body, &r.json); err != nil {
			t.Errorf("%s %s gives %q: %v", method, path, body, err)
		}
	}
	checkReply(r)
	return r
}

func (r reply) want(status int) {
	r.t.Helper()
	if r.StatusCode != status {
		r.t.Fatalf("%s %s gives status %d, want %d: %s", r.Request.Method, r.Request.URL, r.StatusCode, status, r.body)
	}
}

func (r reply) wantHeader(name, want string) {
	r.t.Helper()
	if got := r.Header.Get(name); got != want {
		r.t.Errorf("%s %s: header field %s is %q, want %q", r.Request.Method, r.Request.URL, name, got, want)
	}
}

func (r reply) text(name string) string {
	r.t.Helper()
	s, ok := r.json[name].(string)
	if !ok {
		r.t.Errorf("field %s is %v, want a text: %s", name, r.json[name], r.body)
	}
	return s
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// watchedStore tells when it is touched.
type watchedStore struct {
	jobs.Store
	touch func()
}

func (s watchedStore) Create(ctx context.Context, organizationID string, create func(time.Time, jobs.Usage) (jobs.Job, error)) (jobs.Job, bool, error) {
	s.touch()
	return s.Store.Create(ctx, organizationID, create)
}

func (s watchedStore) Get(ctx context.Context, organizationID, jobID string) (jobs.Job, error) {
	s.touch()
	return s.Store.Get(ctx, organizationID, jobID)
}

func (s watchedStore) List(ctx context.Context, organizationID string, page jobs.Page) ([]jobs.Job, int64, error) {
	s.touch()
	return s.Store.List(ctx, organizationID, page)
}

func (s watchedStore) Update(ctx context.Context, jobID string, change func(time.Time, *jobs.Job) error) (jobs.Job, error) {
	s.touch()
	return s.Store.Update(ctx, jobID, change)
}

// watchedMembers tells when they are touched.
type watchedMembers struct {
	access.MemberStore
	touch func()
}

func (s watchedMembers) Member(ctx context.Context, organizationID, subject string) (access.Member, error) {
	s.touch()
	return s.MemberStore.Member(ctx, organizationID, subject)
}

// notReady holds why ports are not ready.
type notReady struct{ store, destination error }

type checkedStore struct {
	jobs.Store
	*notReady
}

// errHangs lets the store not answer.
var errHangs = errors.New("hangs")

func (s checkedStore) Check(ctx context.Context) error {
	if errors.Is(s.store, errHangs) {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	return s.store
}

type checkedDestination struct {
	jobs.Destination
	*notReady
}

func (d checkedDestination) Check(context.Context) error { return d.destination }

func (d checkedDestination) Size(ctx context.Context, key string) (int64, error) {
	return jobs.SizeOf(ctx, d.Destination, key)
}
