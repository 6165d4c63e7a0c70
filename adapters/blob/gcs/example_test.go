package gcs_test

import (
	"context"
	"os"

	"gocloud.dev/blob/gcsblob"
	"gocloud.dev/gcp"

	"github.com/orgexport/orgexport/adapters/blob"
	"github.com/orgexport/orgexport/adapters/blob/gcs"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

// A bucket of Google Cloud Storage has the parts and the archives of a service, whose links are
// signed by the key of a service account.
func Example() { //nolint:testableexamples // it needs Google Cloud Storage
	open := func(ctx context.Context) (export.Spool, jobs.Destination, jobs.Signer, error) {
		credentials, err := gcp.DefaultCredentials(ctx)
		if err != nil {
			return nil, nil, nil, err
		}
		client, err := gcp.NewHTTPClient(gcp.DefaultTransport(), gcp.CredentialsTokenSource(credentials))
		if err != nil {
			return nil, nil, nil, err
		}
		key, err := os.ReadFile("exports.pem")
		if err != nil {
			return nil, nil, nil, err
		}
		in, err := gcsblob.OpenBucket(ctx, client, "acme-exports", &gcsblob.Options{
			GoogleAccessID: "exports@acme.iam.gserviceaccount.com", PrivateKey: key,
		})
		if err != nil {
			return nil, nil, nil, err
		}
		bucket, err := blob.NewBucket(blob.Config{Bucket: in, Prefix: "prod", Provider: gcs.Provider()})
		if err != nil {
			return nil, nil, nil, err
		}
		archives := bucket.Sub("archives")
		return blob.NewSpool(bucket.Sub("parts")), blob.NewDestination(archives), blob.NewSigner(archives, blob.SignerConfig{}), nil
	}
	_ = open // your program calls it
}
