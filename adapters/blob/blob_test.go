package blob_test

import (
	"testing"

	gocloud "gocloud.dev/blob"
	"gocloud.dev/blob/memblob"

	"github.com/orgexport/orgexport/adapters/blob"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/exporttest"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
)

func open(t *testing.T, in *gocloud.Bucket, prefix string) *blob.Bucket {
	t.Helper()
	b, err := blob.NewBucket(blob.Config{Bucket: in, Prefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func TestDestination(t *testing.T) {
	jobstest.RunDestination(t, func(t *testing.T) jobs.Destination {
		return blob.NewDestination(open(t, memblob.OpenBucket(nil), "exports/prod"))
	})
}

func TestSpool(t *testing.T) {
	exporttest.RunSpool(t, func(t *testing.T) export.Spool { return blob.NewSpool(open(t, memblob.OpenBucket(nil), "")) })
}

// TestConfig has settings that are wrong.
func TestConfig(t *testing.T) {
	if _, err := blob.NewBucket(blob.Config{}); err == nil {
		t.Error("there is no bucket, and no error")
	}
	for _, c := range []blob.Config{{Prefix: "/a"}, {Prefix: "a/"}, {Prefix: "."}, {Prefix: "a/../b"}, {PartSize: 1}, {PartSize: 2 << 30}, {MaxBytes: -1}} {
		c.Bucket = memblob.OpenBucket(nil)
		if _, err := blob.NewBucket(c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}
