package exporttest

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/export/jobs"
)

// MemDestination is an [jobs.Destination] in memory, for tests. Its zero value
// is ready for use. It is safe for concurrent use.
type MemDestination struct{ objects memory[string] }

// Put implements [jobs.Destination].
func (d *MemDestination) Put(ctx context.Context, key string, write func(io.Writer) error) error {
	return d.objects.put(ctx, key, write)
}

// Open implements [jobs.Destination].
func (d *MemDestination) Open(_ context.Context, key string) (io.ReadSeekCloser, error) {
	return d.objects.open(key)
}

// Delete implements [jobs.Destination].
func (d *MemDestination) Delete(_ context.Context, key string) error {
	d.objects.delete(key)
	return nil
}

// List implements [jobs.Destination].
func (d *MemDestination) List(_ context.Context, prefix string) ([]string, error) {
	return d.objects.list(func(key string) bool { return strings.HasPrefix(key, prefix) }), nil
}

// RunDestination checks an [jobs.Destination] against its documentation.
// newDestination returns an empty one for each subtest.
func RunDestination(t *testing.T, newDestination func(t *testing.T) jobs.Destination) {
	t.Helper()
	run(t, destinationPromises, newDestination)
}

var destinationPromises = append(
	keeperPromises[jobs.Destination](ourOrg+"/"+shortID(1)+"/", func(n int) string {
		return fmt.Sprintf("%s/%s/%d/export.zip", ourOrg, shortID(1), n)
	}),
	promise[jobs.Destination]{"Keys", destinationKeys},
	promise[jobs.Destination]{"ListsByPrefix", destinationLists},
)

// destinationKeys has keys as they may be, some of them alike.
func destinationKeys(t testing.TB, d jobs.Destination) {
	keys := []string{
		"a", "b.c", "b..c", "_", "-", "-rf", "0", ".hidden", "e.tmp", "e.part",
		"d/e", "d/f/g", "d/f/e", "d-/e",
		"closient-export-acme_foods-20260626-210000.tar.gz",
		strings.Repeat("long/", 40) + "key",
		strings.Repeat("x", 200),
	}
	for _, key := range keys {
		put(t, d, key, "content of "+key)
	}
	for _, key := range keys {
		wantContent(t, d, key, "content of "+key)
	}
	wantList(t, d, "", keys...)
}

// destinationLists has prefixes that end between elements and within them.
func destinationLists(t testing.TB, d jobs.Destination) {
	wantList(t, d, "")
	for _, key := range []string{"org/job/1/a.zip", "org/job/2/a.zip", "org/job2/1/a.zip", "org2/job/1/a.zip", "top.zip"} {
		put(t, d, key, key)
	}
	wantList(t, d, "org/job/", "org/job/1/a.zip", "org/job/2/a.zip")
	wantList(t, d, "org/job", "org/job/1/a.zip", "org/job/2/a.zip", "org/job2/1/a.zip")
	wantList(t, d, "org/job/1/a", "org/job/1/a.zip")
	wantList(t, d, "org/job/1/a.zip", "org/job/1/a.zip")
	wantList(t, d, "o", "org/job/1/a.zip", "org/job/2/a.zip", "org/job2/1/a.zip", "org2/job/1/a.zip")
	wantList(t, d, "rg/")
	wantList(t, d, "nothing/here/")
	wantList(t, d, "org/job/1/a.zip/")
}
