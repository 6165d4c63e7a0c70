package jobstest

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

// lossy loses the n-th task.
type lossy struct {
	MemDispatcher
	n     int64
	tasks atomic.Int64
}

func (l *lossy) Dispatch(ctx context.Context, task jobs.Task) error {
	if l.tasks.Add(1) == l.n {
		return nil
	}
	return l.MemDispatcher.Dispatch(ctx, task)
}

func breakDispatcher(breaks func(*Worked)) Worked {
	d := new(lossy)
	w := Worked{d, d.run, d.Listen}
	breaks(&w)
	return w
}

func TestDispatcherMutants(t *testing.T) {
	loses := func(n int64) func(*Worked) { return func(w *Worked) { w.Dispatcher.(*lossy).n = n } }
	kittest.TestMutants(t, dispatcherPromises, breakDispatcher, []kittest.Mutant[*Worked]{
		{"EachTaskIsWorkedOn", loses(20), "1 tasks did not come"},
		{"BeforeAndWhileItRuns", loses(2), "1 tasks did not come"},
		{"Concurrent", loses(40), "1 tasks did not come"},
		{"CancelledJobsAreHeardOf", func(w *Worked) {
			listen := w.Listen
			w.Listen = func(ctx context.Context, cancelled func(string)) error {
				return listen(ctx, func(jobID string) { cancelled("x" + jobID) })
			}
		}, "it is heard as"},
		{"CancelledJobsAreHeardOf", func(w *Worked) {
			w.Listen = func(_ context.Context, cancelled func(string)) error {
				cancelled(kittest.ShortID(1))
				return errors.New("no connection")
			}
		}, "Listen ends with"},
	})
}

type signerFunc func(key, filename string, ttl time.Duration) jobs.Link

func (f signerFunc) Sign(_ context.Context, key, filename string, ttl time.Duration) (jobs.Link, error) {
	return f(key, filename, ttl), nil
}

func TestSignerMutants(t *testing.T) {
	// signs makes a link of a URL, and of an instant counted from the right one.
	signs := func(url func(key, name string) string, off time.Duration, zone *time.Location) func(*jobs.Signer) {
		return func(s *jobs.Signer) {
			*s = signerFunc(func(key, name string, ttl time.Duration) jobs.Link {
				return jobs.Link{URL: url(key, name), ExpiresAt: time.Now().Add(ttl + off).In(zone)}
			})
		}
	}
	plain := func(key, name string) string { return "https://a/" + key + "/" + name }
	kittest.TestMutants(t, signerPromises, kittest.Instead, []kittest.Mutant[*jobs.Signer]{
		{"AbsoluteURL", signs(func(key, name string) string { return "/" + key + "/" + name }, 0, time.UTC), "want an absolute URL"},
		{"EndsInTime", signs(plain, time.Minute, time.UTC), "ends"},
		{"EndsInTime", signs(plain, -10*24*time.Hour, time.UTC), "ends"},
		{"EndsInTime", signs(plain, 0, time.FixedZone("", 3600)), "want UTC"},
		{"OneLinkForOneFile", signs(func(key, _ string) string { return "https://a/" + key }, 0, time.UTC), "has the link of"},
		{"AnyFileName", signs(plain, 0, time.UTC), "makes the link"},
	})
}

type organizationsFunc func(id string) (export.Organization, error)

func (f organizationsFunc) Get(_ context.Context, id string) (export.Organization, error) {
	return f(id)
}

func TestOrganizationsMutants(t *testing.T) {
	gets := func(get organizationsFunc) func(*jobs.Organizations) { return func(o *jobs.Organizations) { *o = get } }
	kittest.TestMutants(t, organizationsPromises, kittest.Instead, []kittest.Mutant[*jobs.Organizations]{
		{"Gets", gets(func(string) (export.Organization, error) { return knownOrganizations[0], nil }), "Get("},
		{"NotFound", gets(func(id string) (export.Organization, error) { return export.Organization{ID: id}, nil }), "want ErrNotFound"},
		{"NotFound", gets(func(string) (o export.Organization, err error) { return o, errors.New("no rows") }), "want ErrNotFound"},
	})
}
