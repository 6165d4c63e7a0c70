package gcs_test

import (
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"cloud.google.com/go/storage"
	"github.com/fsouza/fake-gcs-server/fakestorage"
	"gocloud.dev/blob/gcsblob"
	"google.golang.org/api/option"

	"github.com/orgexport/orgexport/adapters/blob"
	"github.com/orgexport/orgexport/adapters/blob/gcs"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/exporttest"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
)

const bucketName = "acme-exports"

// server is fake-gcs-server behind a handler.
func server(t *testing.T, handler func(http.Handler) http.Handler) *httptest.Server {
	t.Helper()
	front := httptest.NewUnstartedServer(nil)
	s, err := fakestorage.NewServerWithOptions(fakestorage.Options{
		NoListener: true, PublicHost: front.Listener.Addr().String(), Writer: io.Discard,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: bucketName})
	front.Config.Handler = handler(s.HTTPHandler())
	front.Start()
	t.Cleanup(front.Close)
	return front
}

func straight(h http.Handler) http.Handler { return h }

// open returns a Bucket on a server.
func open(t *testing.T, front *httptest.Server, name, prefix string) *blob.Bucket {
	t.Helper()
	client, err := storage.NewClient(t.Context(), option.WithEndpoint(front.URL+"/storage/v1/"),
		option.WithoutAuthentication(), option.WithHTTPClient(front.Client()))
	if err != nil {
		t.Fatal(err)
	}
	in, err := gcsblob.OpenBucket(t.Context(), nil, name, &gcsblob.Options{Client: client})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(in.Close(), client.Close()); err != nil {
			t.Error(err)
		}
	})
	b, err := blob.NewBucket(blob.Config{Bucket: in, Prefix: prefix, Provider: gcs.Provider(), PartSize: 256 << 10})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDestination(t *testing.T) {
	front := server(t, straight)
	jobstest.RunDestination(t, func(t *testing.T) jobs.Destination {
		return blob.NewDestination(open(t, front, bucketName, "exports/"+rand.Text()))
	})
}

func TestSpool(t *testing.T) {
	front := server(t, straight)
	exporttest.RunSpool(t, func(t *testing.T) export.Spool {
		return blob.NewSpool(open(t, front, bucketName, rand.Text()))
	})
}
