package jobstest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

// MemDestination is a [jobs.Destination] and [jobs.Sizer] in memory, for tests. Its
// zero value is ready for use. It is safe for concurrent use.
type MemDestination struct{ objects kittest.Memory[string] }

// Put implements [jobs.Destination].
func (d *MemDestination) Put(ctx context.Context, key string, write func(io.Writer) error) error {
	return d.objects.Put(ctx, key, write)
}

// Open implements [jobs.Destination].
func (d *MemDestination) Open(_ context.Context, key string) (io.ReadSeekCloser, error) {
	return d.objects.Open(key)
}

// Size implements [jobs.Sizer].
func (d *MemDestination) Size(ctx context.Context, key string) (int64, error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	return d.objects.Size(key)
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
	kittest.Promise[jobs.Destination]{"Sizes", destinationSizes},
	kittest.Promise[jobs.Destination]{"SizeOfACancelledContext", destinationSizeCancelled},
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

// sizes reports whether the destination, or the one that it wraps, is a jobs.Sizer.
func sizes(t testing.TB, d jobs.Destination) bool {
	_, err := jobs.SizeOf(t.Context(), d, "org/job/1.zip")
	return !errors.Is(err, errors.ErrUnsupported)
}

// destinationSizes asks for the size of objects that come, grow, shrink and go. It
// passes if the destination is no jobs.Sizer.
func destinationSizes(t testing.TB, d jobs.Destination) {
	if !sizes(t, d) {
		return
	}
	const key = "org/job/1.zip"
	none := func(when, key string) {
		t.Helper()
		if size, err := jobs.SizeOf(t.Context(), d, key); !errors.Is(err, export.ErrNotFound) {
			t.Errorf("%s the size of %s is %d, %v, want ErrNotFound", when, key, size, err)
		}
	}
	none("at first", key)
	for _, n := range []int{10, 0, 70_000, 1} {
		kittest.Put(t, d, key, strings.Repeat("x", n))
		if size, err := jobs.SizeOf(t.Context(), d, key); err != nil || size != int64(n) {
			t.Errorf("the size of %d bytes is %d, %v", n, size, err)
		}
	}
	none("beside it,", "org/job/2.zip")
	none("above it,", "org/job")
	none("below it,", key+"/1")
	if err := d.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	none("once it is deleted,", key)
}

func destinationSizeCancelled(t testing.TB, d jobs.Destination) {
	if !sizes(t, d) {
		return
	}
	kittest.Put(t, d, "org/job/1.zip", "x")
	_, err := jobs.SizeOf(kittest.Cancelled(t), d, "org/job/1.zip")
	kittest.WantCancelled(t, "Size", err)
	if errors.Is(err, export.ErrNotFound) {
		t.Errorf("Size gives %v, but the object is there", err)
	}
}
