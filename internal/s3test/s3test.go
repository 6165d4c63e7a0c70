// Package s3test gives tests a real S3 server, versitygw, in a container, by
// testcontainers-go. Programs do not import it.
//
// A package that uses it has
//
//	func TestMain(m *testing.M) { s3test.Main(m) }
//
// and calls [NewBucket] in its tests. One container is started when the first test asks
// for it, and removed after the last. Its image is built of the program that
// .ci/s3server/go.mod names, which takes minutes for the first time, or is the one that
// ORGEXPORT_TEST_S3_IMAGE names. Where no container can be started the tests are skipped;
// with REQUIRE_DOCKER=1 they fail.
package s3test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// The credentials of every server.
const (
	AccessKey = "orgexport-test"
	SecretKey = "s3-test-secret-key"
)

// shared is the server of this test binary.
var shared struct {
	sync.Mutex
	main    bool // Main is running
	started bool // or failed to start, with err
	server  *Server
	err     error
}

// Main runs the tests of a package and removes the container that they have used. It is to
// be the last that TestMain does; there is no need for os.Exit.
func Main(m *testing.M) {
	defer Begin()()
	m.Run()
}

// Begin allows the tests of this binary to use a shared server, until what it returns is
// called, which removes the server. It is for packages whose TestMain does more.
func Begin() (end func()) {
	shared.main = true
	return func() {
		shared.Lock()
		defer shared.Unlock()
		if shared.server == nil {
			return
		}
		if err := shared.server.terminate(); err != nil {
			fmt.Fprintln(os.Stderr, "s3test:", err)
		}
	}
}

// Bucket is an empty bucket of one test.
type Bucket struct {
	Name     string
	Endpoint string // URL of the server
}

// NewBucket makes a bucket on the shared server.
func NewBucket(t testing.TB) Bucket {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if !shared.main {
		t.Fatal("s3test: TestMain of this package does not call s3test.Main")
	}
	if !shared.started {
		shared.started = true
		shared.server, shared.err = start()
	}
	need(t, shared.err)
	return shared.server.NewBucket(t)
}

// NewBucket makes a bucket.
func (s *Server) NewBucket(t testing.TB) Bucket {
	t.Helper()
	b := Bucket{Name: "test-" + strings.ToLower(rand.Text()), Endpoint: s.endpoint}
	if _, err := b.Client().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &b.Name}); err != nil {
		t.Fatalf("s3test: %v", err)
	}
	return b
}

// URL returns the URL of a prefix of the bucket, which exportd and s3.Open take.
func (b Bucket) URL(prefix string) string {
	return fmt.Sprintf("s3://%s/%s?region=us-east-1&path_style=true&endpoint=%s", b.Name, prefix, url.QueryEscape(b.Endpoint))
}

// Client returns a client of the bucket that looks at it past the code under test.
func (b Bucket) Client() *s3.Client {
	return s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: &b.Endpoint, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(AccessKey, SecretKey, ""),
	})
}

// Environment returns the variables with the credentials, for programs.
func Environment() []string {
	return []string{"AWS_ACCESS_KEY_ID=" + AccessKey, "AWS_SECRET_ACCESS_KEY=" + SecretKey, "AWS_EC2_METADATA_DISABLED=true"}
}

// Setenv sets the variables with the credentials for one test.
func Setenv(t *testing.T) {
	t.Helper()
	for _, pair := range Environment() {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
}

// Uploads returns the keys of multipart uploads that are not complete.
func (b Bucket) Uploads(t testing.TB) []string {
	t.Helper()
	out, err := b.Client().ListMultipartUploads(context.WithoutCancel(t.Context()), &s3.ListMultipartUploadsInput{Bucket: &b.Name})
	if err != nil {
		t.Fatalf("s3test: %v", err)
	}
	var keys []string
	for _, u := range out.Uploads {
		keys = append(keys, aws.ToString(u.Key))
	}
	return keys
}

// Keys returns the keys of the first thousand objects of the bucket.
func (b Bucket) Keys(t testing.TB) []string {
	t.Helper()
	out, err := b.Client().ListObjectsV2(context.WithoutCancel(t.Context()), &s3.ListObjectsV2Input{Bucket: &b.Name})
	if err != nil {
		t.Fatalf("s3test: %v", err)
	}
	var keys []string
	for _, o := range out.Contents {
		keys = append(keys, aws.ToString(o.Key))
	}
	return keys
}

// need skips a test that has no server, or fails it with REQUIRE_DOCKER=1.
func need(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case os.Getenv("REQUIRE_DOCKER") == "1":
		t.Fatalf("s3test: no S3 server in a container: %v", err)
	default:
		t.Skipf("s3test: no S3 server in a container: %v", err)
	}
}
