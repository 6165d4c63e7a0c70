package jobstest

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

// MemDestination is a [jobs.Destination] in memory, for tests. Its zero value
// is ready for use. It is safe for concurrent use.
type MemDestination struct{ objects kittest.Memory[string] }

// Put implements [jobs.Destination].
func (d *MemDestination) Put(ctx context.Context, key string, write func(io.Writer) error) error {
	return d.objects.Put(ctx, key, write)
}

// Open implements [jobs.Destination].
func (d *MemDestination) Open(_ context.Context, key string) (io.ReadSeekCloser, error) {
	return d.objects.Open(key)
}

// Delete implements [jobs.Destination].
func (d *MemDestination) Delete(_ context.Context, key string) error {
	d.objects.Delete(key)
	return nil
}

// List implements [jobs.Destination].
func (d *MemDestination) List(_ context.Context, prefix string) ([]string, error) {
	return d.objects.List(func(key string) bool { return strings.HasPrefix(key, prefix) }), nil
}

// RunDestination checks a [jobs.Destination] against its documentation.
// newDestination returns an empty one for each subtest.
func RunDestination(t *testing.T, newDestination func(t *testing.T) jobs.Destination) {
	t.Helper()
	kittest.Run(t, destinationPromises, newDestination)
}

var destinationPromises = append(
	kittest.KeeperPromises[jobs.Destination](kittest.OurOrg+"/"+kittest.ShortID(1)+"/", func(n int) string {
		return fmt.Sprintf("%s/%s/%d/export.zip", kittest.OurOrg, kittest.ShortID(1), n)
	}),
	kittest.Promise[jobs.Destination]{"Keys", destinationKeys},
	kittest.Promise[jobs.Destination]{"ListsByPrefix", destinationLists},
)

// destinationKeys uses keys of all forms, some of which are alike.
func destinationKeys(t testing.TB, d jobs.Destination) {
	keys := []string{
		"a", "b.c", "b..c", "_", "-", "-rf", "0", ".hidden", "e.tmp", "e.part",
		"d/e", "d/f/g", "d/f/e", "d-/e",
		"closient-export-acme_foods-20260626-210000.tar.gz",
		strings.Repeat("long/", 40) + "key",
		strings.Repeat("x", 200),
	}
	for _, key := range keys {
		kittest.Put(t, d, key, "content of "+key)
	}
	for _, key := range keys {
		kittest.WantContent(t, d, key, "content of "+key)
	}
	kittest.WantList(t, d, "", keys...)
}

// destinationLists uses prefixes that end between elements of a key, and within.
func destinationLists(t testing.TB, d jobs.Destination) {
	kittest.WantList(t, d, "")
	for _, key := range []string{"org/job/1/a.zip", "org/job/2/a.zip", "org/job2/1/a.zip", "org2/job/1/a.zip", "top.zip"} {
		kittest.Put(t, d, key, key)
	}
	kittest.WantList(t, d, "org/job/", "org/job/1/a.zip", "org/job/2/a.zip")
	kittest.WantList(t, d, "org/job", "org/job/1/a.zip", "org/job/2/a.zip", "org/job2/1/a.zip")
	kittest.WantList(t, d, "org/job/1/a", "org/job/1/a.zip")
	kittest.WantList(t, d, "org/job/1/a.zip", "org/job/1/a.zip")
	kittest.WantList(t, d, "o", "org/job/1/a.zip", "org/job/2/a.zip", "org/job2/1/a.zip", "org2/job/1/a.zip")
	kittest.WantList(t, d, "rg/")
	kittest.WantList(t, d, "nothing/here/")
	kittest.WantList(t, d, "org/job/1/a.zip/")
}
