package jobs_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/exporttest"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
)

// node is a service, the ports that it shares with other nodes, and the tasks
// that it has dispatched.
type node struct {
	*jobs.Service
	config jobs.Config
	store  jobs.Store
	spool  export.Spool
	dest   jobs.Destination

	jobstest.MemDispatcher
}

// newNode makes a node of its own world; change may bring it into another.
func newNode(t *testing.T, change func(*jobs.Config), sections ...export.Section) *node {
	t.Helper()
	n := &node{spool: new(exporttest.MemSpool)}
	n.config = jobs.Config{
		Engine:        engine(t, func(c *export.Config) { c.Spool = n.spool }, sections...),
		Store:         new(jobstest.MemStore),
		Dispatcher:    &n.MemDispatcher,
		Destination:   new(jobstest.MemDestination),
		Signer:        new(jobstest.MemSigner),
		Organizations: jobstest.MemOrganizations{acme.ID: acme},
		Logger:        slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&n.config)
	}
	n.store, n.dest = n.config.Store, n.config.Destination
	s, err := jobs.New(n.config)
	if err != nil {
		t.Fatal(err)
	}
	n.Service = s
	return n
}

// peer makes another node in the world of n, with sections of its own.
func (n *node) peer(t *testing.T, sections ...export.Section) *node {
	t.Helper()
	return newNode(t, func(c *jobs.Config) {
		c.Store, c.Destination = n.store, n.dest
		c.Engine = engine(t, func(c *export.Config) { c.Spool = n.spool }, sections...)
	}, sections...)
}

func (n *node) create(t *testing.T, r jobs.Request) jobs.Job {
	t.Helper()
	if r.OrganizationID == "" {
		r.OrganizationID = acme.ID
	}
	job, created, err := n.Create(t.Context(), r)
	if err != nil || !created {
		t.Fatalf("Create gives %v, %v", created, err)
	}
	return job
}

// task is the one that was dispatched.
func (n *node) task(t *testing.T) jobs.Task {
	t.Helper()
	tasks := n.Take()
	if len(tasks) != 1 {
		t.Fatalf("dispatched were %v", tasks)
	}
	return tasks[0]
}

// work does all tasks that were dispatched.
func (n *node) work(t *testing.T) {
	t.Helper()
	for tasks := n.Take(); len(tasks) > 0; tasks = n.Take() {
		for _, task := range tasks {
			if err := n.Work(t.Context(), task); err != nil {
				t.Fatalf("Work: %v", err)
			}
		}
	}
}

// settle waits until the job has ended, while the node tends and works.
func (n *node) settle(t *testing.T, job jobs.Job) jobs.Job {
	t.Helper()
	for range 10_000 {
		got := n.get(t, job)
		if !got.Status.InFlight() {
			return got
		}
		if err := n.Reap(t.Context()); err != nil {
			t.Fatalf("Reap: %v", err)
		}
		n.work(t)
		time.Sleep(time.Second)
	}
	t.Fatal("the job does not end")
	return job
}

func (n *node) get(t *testing.T, job jobs.Job) jobs.Job {
	t.Helper()
	got, err := n.Get(t.Context(), acme.ID, job.ID)
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	return got
}

// archive returns the one archive of a job that is completed, once it is sure
// that it is whole.
func (n *node) archive(t *testing.T, job jobs.Job) []byte {
	t.Helper()
	if job.Status != jobs.Completed {
		t.Fatalf("the job is %s: %s", job.Status, job.Error)
	}
	keys, err := n.dest.List(t.Context(), acme.ID+"/"+job.ID+"/")
	if err != nil || !slices.Equal(keys, []string{job.ObjectKey}) {
		t.Fatalf("there are the archives %v, %v, want %s", keys, err, job.ObjectKey)
	}
	r, err := n.dest.Open(t.Context(), job.ObjectKey)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	digest := sha256.Sum256(b)
	if err != nil || job.Size != int64(len(b)) || !bytes.Equal(job.SHA256, digest[:]) {
		t.Fatalf("the archive has %d bytes, sum %x, %v; its job says %d, %x", len(b), digest, err, job.Size, job.SHA256)
	}
	return b
}

// left are the parts and archives that there are of a job.
func (n *node) left(t *testing.T, job jobs.Job) (parts, archives int) {
	t.Helper()
	ids, err := n.spool.List(t.Context(), job.ID)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := n.dest.List(t.Context(), acme.ID+"/"+job.ID+"/")
	if err != nil {
		t.Fatal(err)
	}
	return len(ids), len(keys)
}

func TestServiceConfig(t *testing.T) {
	_, err := jobs.New(jobs.Config{Lease: time.Second, Heartbeat: time.Second, LinkTTL: 1})
	if err == nil {
		t.Fatal("an empty configuration is taken")
	}
	for _, want := range []string{"Engine", "Store", "Dispatcher", "Destination", "Signer", "Organizations", "Heartbeat", "LinkTTL"} {
		if !strings.Contains(err.Error(), "Config."+want+" ") {
			t.Errorf("%q does not name %s", err, want)
		}
	}
}

func TestServiceLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, nil, fine("a"), fine("b"))
		began := time.Now().UTC()
		job := n.create(t, jobs.Request{Format: "tar.gz", Requester: "key:1"})
		if job.Status != jobs.Pending || !export.ValidID(job.ID) || job.Requester != "key:1" || !job.AsOf.Equal(began.Truncate(time.Second)) {
			t.Errorf("created %+v", job)
		}
		if link, err := n.Link(t.Context(), job); err != nil || link != (jobs.Link{}) {
			t.Errorf("a pending job has the link %v, %v", link, err)
		}
		n.work(t)
		job = n.get(t, job)
		n.archive(t, job)
		if job.Attempt != 1 || job.Failures != 0 || job.LeaseOwner != "" || !job.LeaseUntil.IsZero() || job.FinishedAt.IsZero() {
			t.Errorf("completed %+v", job)
		}
		if want := "export-acme-foods-" + job.AsOf.Format("20060102-150405") + ".tar.gz"; job.Filename != want {
			t.Errorf("file name %s, want %s", job.Filename, want)
		}
		if len(job.Results) != 2 || job.Results[0].Key != "a" || job.Results[1].Status != export.StatusOK {
			t.Errorf("inventory %v", job.Results)
		}
		link, err := n.Link(t.Context(), job)
		calls := n.config.Signer.(*jobstest.MemSigner).Calls()
		if err != nil || len(calls) != 1 || calls[0].Key != job.ObjectKey || calls[0].Filename != job.Filename || !link.ExpiresAt.Equal(time.Now().Add(time.Hour)) {
			t.Errorf("link %v, %v", link, err)
		}
		time.Sleep(7*24*time.Hour - 30*time.Minute)
		if link, err := n.Link(t.Context(), job); err != nil || !link.ExpiresAt.Equal(job.ExpiresAt) {
			t.Errorf("link %v, %v, want it to end with the archive, %v", link, err, job.ExpiresAt)
		}
		list, total, err := n.List(t.Context(), acme.ID, jobs.Page{Number: 1, Size: 10})
		if err != nil || total != 1 || len(list) != 1 || list[0].ID != job.ID {
			t.Errorf("list %v, %d, %v", list, total, err)
		}
		if err := n.Work(t.Context(), jobs.Task{Kind: jobs.TaskExport, JobID: job.ID}); err != nil || n.get(t, job).Attempt != 1 {
			t.Errorf("a task of a job that has ended: %v", err)
		}
	})
}

func TestServiceSameRequest(t *testing.T) {
	n := newNode(t, nil, fine("a"), fine("b"), fine("c"))
	first := n.create(t, jobs.Request{Sections: []string{"b", "a"}})
	for _, c := range []struct {
		name string
		r    jobs.Request
		same bool
	}{
		{"same", jobs.Request{Sections: []string{"a", "b"}}, true},
		{"same, a section twice", jobs.Request{Format: "zip", Sections: []string{"a", "b", "a"}, Requester: "another"}, true},
		{"other sections", jobs.Request{Sections: []string{"a"}}, false},
		{"other format", jobs.Request{Sections: []string{"a", "b"}, Format: "tar.gz"}, false},
		{"all sections", jobs.Request{}, false},
	} {
		c.r.OrganizationID = acme.ID
		job, created, err := n.Create(t.Context(), c.r)
		if err != nil || created == c.same || (job.ID == first.ID) != c.same {
			t.Errorf("%s: %v, %v", c.name, created, err)
		}
	}
	all, created, err := n.Create(t.Context(), jobs.Request{OrganizationID: acme.ID, Sections: []string{"c", "b", "a"}})
	if err != nil || created || all.Sections != nil {
		t.Errorf("all sections by name: %v, %v, %v, want the job of all", all.Sections, created, err)
	}
}

func TestServiceBadRequest(t *testing.T) {
	n := newNode(t, nil, fine("a"))
	err := n.Check(jobs.Request{OrganizationID: acme.ID, Format: "rar", Sections: []string{"a", "x"}, RetryOf: "no id"})
	var fields []string
	for _, err := range err.(interface{ Unwrap() []error }).Unwrap() {
		var bad *jobs.RequestError
		if !errors.As(err, &bad) || bad.Public() != bad.Reason {
			t.Fatalf("%v is no RequestError", err)
		}
		fields = append(fields, bad.Field)
	}
	if !slices.Equal(fields, []string{"archive_format", "sections", "retry_of"}) {
		t.Errorf("problems of %v", fields)
	}
	if _, _, err := n.Create(t.Context(), jobs.Request{OrganizationID: acme.ID, Format: "rar"}); err == nil {
		t.Error("created a job of an unknown format")
	}
}

func TestNewID(t *testing.T) {
	seen := make(map[string]bool)
	for range 1000 {
		id := export.NewID()
		if !export.ValidID(id) || seen[id] {
			t.Fatalf("%q is not valid, or not new", id)
		}
		seen[id] = true
	}
}
