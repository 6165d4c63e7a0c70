package jobstest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

// run works off what a MemDispatcher has, until ctx ends or nothing is left.
func (d *MemDispatcher) run(ctx context.Context, work func(context.Context, jobs.Task) error) error {
	for tasks := d.Take(); len(tasks) > 0 && ctx.Err() == nil; tasks = d.Take() {
		for _, task := range tasks {
			if err := work(ctx, task); err != nil {
				return err
			}
		}
	}
	return nil
}

func newWorked() Worked {
	d := new(MemDispatcher)
	return Worked{d, d.run, d.Listen}
}

func TestMemDispatcherKit(t *testing.T) {
	RunDispatcher(t, func(*testing.T) Worked { return newWorked() })
}

// lossy loses every nth task.
type lossy struct {
	jobs.Dispatcher
	mu   sync.Mutex
	n, i int
}

func (l *lossy) Dispatch(ctx context.Context, task jobs.Task) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.i++; l.i%l.n == 0 {
		return nil
	}
	return l.Dispatcher.Dispatch(ctx, task)
}

func TestBrokenDispatchers(t *testing.T) {
	lose := func(n int) Worked {
		d := newWorked()
		return Worked{Dispatcher: &lossy{Dispatcher: d.Dispatcher, n: n}, Run: d.Run}
	}
	heard := func(wrong func(ctx context.Context, cancelled func(string)) error) Worked {
		d := newWorked()
		d.Listen = wrong
		return d
	}
	renamed := newWorked()
	listen := renamed.Listen
	renamed.Listen = func(ctx context.Context, cancelled func(string)) error {
		return listen(ctx, func(jobID string) { cancelled("x" + jobID) })
	}
	kittest.TestDefects(t, dispatcherPromises, []kittest.Defect[Worked]{
		{"loses one", "EachTaskIsWorkedOn", "1 tasks did not come", lose(20)},
		{"takes none while it runs", "BeforeAndWhileItRuns", "1 tasks did not come", lose(2)},
		{"loses of many", "Concurrent", "1 tasks did not come", lose(40)},
		{"another job", "CancelledJobsAreHeardOf", "it is heard as", renamed},
		{"fails to listen", "CancelledJobsAreHeardOf", "Listen ends with", heard(func(_ context.Context, cancelled func(string)) error {
			cancelled(kittest.ShortID(1))
			return errors.New("no connection")
		})},
	})
}

func TestMemSignerKit(t *testing.T) {
	RunSigner(t, func(*testing.T) jobs.Signer { return new(MemSigner) })
}

type signerFunc func(key, filename string, ttl time.Duration) jobs.Link

func (f signerFunc) Sign(_ context.Context, key, filename string, ttl time.Duration) (jobs.Link, error) {
	return f(key, filename, ttl), nil
}

func TestBrokenSigners(t *testing.T) {
	link := func(url string, ttl time.Duration) jobs.Link {
		return jobs.Link{URL: url, ExpiresAt: time.Now().UTC().Add(ttl)}
	}
	kittest.TestDefects(t, signerPromises, []kittest.Defect[jobs.Signer]{
		{"relative", "AbsoluteURL", "want an absolute URL", signerFunc(func(key, name string, ttl time.Duration) jobs.Link {
			return link("/"+key+"/"+name, ttl)
		})},
		{"longer", "EndsInTime", "ends", signerFunc(func(key, name string, ttl time.Duration) jobs.Link {
			return link("https://a/"+key+"/"+name, ttl+time.Minute)
		})},
		{"over", "EndsInTime", "ends", signerFunc(func(key, name string, ttl time.Duration) jobs.Link {
			return link("https://a/"+key+"/"+name, -time.Hour)
		})},
		{"local time", "EndsInTime", "want UTC", signerFunc(func(key, name string, ttl time.Duration) jobs.Link {
			return jobs.Link{URL: "https://a", ExpiresAt: time.Now().Add(ttl).In(time.FixedZone("", 3600))}
		})},
		{"forgets the name", "OneLinkForOneFile", "has the link of", signerFunc(func(key, _ string, ttl time.Duration) jobs.Link {
			return link("https://a/"+key, ttl)
		})},
		{"escapes nothing", "AnyFileName", "makes the link", signerFunc(func(key, name string, ttl time.Duration) jobs.Link {
			return link("https://a/"+key+"/"+name, ttl)
		})},
	})
}

func TestMemOrganizationsKit(t *testing.T) {
	RunOrganizations(t, func(_ *testing.T, have ...export.Organization) jobs.Organizations {
		m := make(MemOrganizations)
		for _, o := range have {
			m[o.ID] = o
		}
		return m
	})
}

type organizationsFunc func(id string) (export.Organization, error)

func (f organizationsFunc) Get(_ context.Context, id string) (export.Organization, error) {
	return f(id)
}

func TestBrokenOrganizations(t *testing.T) {
	kittest.TestDefects(t, organizationsPromises, []kittest.Defect[jobs.Organizations]{
		{"mixes them up", "Gets", fmt.Sprintf("Get(%q) gives", kittest.TheirOrg), organizationsFunc(func(string) (export.Organization, error) {
			return knownOrganizations[0], nil
		})},
		{"makes them up", "NotFound", "want ErrNotFound", organizationsFunc(func(id string) (export.Organization, error) {
			return export.Organization{ID: id}, nil
		})},
		{"another error", "NotFound", "want ErrNotFound", organizationsFunc(func(string) (export.Organization, error) {
			return export.Organization{}, errors.New("no rows")
		})},
	})
}
