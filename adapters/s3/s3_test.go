package s3_test

import (
	"testing"

	"github.com/orgexport/orgexport/adapters/s3"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/exporttest"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
	"github.com/orgexport/orgexport/internal/s3test"
)

func TestMain(m *testing.M) { s3test.Main(m) }

// open returns a Bucket in a new bucket of a real server.
func open(t *testing.T, prefix string, c s3.Config) *s3.Bucket {
	t.Helper()
	return openIn(t, s3test.NewBucket(t), prefix, c)
}

func openIn(t *testing.T, in s3test.Bucket, prefix string, c s3.Config) *s3.Bucket {
	t.Helper()
	s3test.Setenv(t)
	b, err := s3.Open(t.Context(), in.URL(prefix), c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDestination(t *testing.T) {
	jobstest.RunDestination(t, func(t *testing.T) jobs.Destination {
		return s3.NewDestination(open(t, "exports/prod", s3.Config{PartSize: 5 << 20}))
	})
}

func TestSpool(t *testing.T) {
	exporttest.RunSpool(t, func(t *testing.T) export.Spool { return s3.NewSpool(open(t, "", s3.Config{PartSize: 5 << 20})) })
}

func TestSigner(t *testing.T) {
	jobstest.RunSigner(t, func(t *testing.T) jobs.Signer {
		return s3.NewSigner(open(t, "exports", s3.Config{}), s3.SignerConfig{})
	})
}
