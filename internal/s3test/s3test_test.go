package s3test_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/orgexport/orgexport/internal/s3test"
)

// TestKilledServer kills a server and starts it again: what it had is there.
func TestKilledServer(t *testing.T) {
	server := s3test.NewServer(t)
	b := server.NewBucket(t)
	client := b.Client()
	_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &b.Name, Key: aws.String("a/b"), Body: bytes.NewReader([]byte("kept"))})
	if err != nil {
		t.Fatal(err)
	}
	server.Kill(t)
	server.Start(t)
	out, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &b.Name, Key: aws.String("a/b")})
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(out.Body)
	if err != nil || string(got) != "kept" {
		t.Errorf("%q, %v", got, err)
	}
	if keys := b.Keys(t); len(keys) != 1 || len(b.Uploads(t)) != 0 {
		t.Errorf("the bucket has %q", keys)
	}
}
