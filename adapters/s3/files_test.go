package s3_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/orgexport/orgexport/adapters/s3"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/internal/s3test"
)

// putObject puts an object past the code under test.
func putObject(t *testing.T, in s3test.Bucket, key, content string) {
	t.Helper()
	if _, err := in.Client().PutObject(t.Context(), &awss3.PutObjectInput{Bucket: &in.Name, Key: &key, Body: strings.NewReader(content)}); err != nil {
		t.Fatalf("%q: %v", key, err)
	}
}

// TestFilesOfAFolder reads and lists the objects of one folder, beside which others have names
// that begin as its own does.
func TestFilesOfAFolder(t *testing.T) {
	in := s3test.NewBucket(t)
	keys := []string{"a+b c.txt", "a%2Bb.txt", "&<>\"'", "deep/er/x", "empty", "ü", "\u2025", " x "}
	for _, key := range keys {
		putObject(t, in, "up/org1/"+key, map[bool]string{true: "", false: key}[key == "empty"])
	}
	for _, key := range []string{"up/org10/secret", "up/org1secret", "secret", "up/secret"} {
		putObject(t, in, key, "secret")
	}
	f := s3.NewFiles(openIn(t, in, "up", s3.Config{}))
	var listed []string
	for key, err := range f.List(t.Context(), "org1") {
		if err != nil {
			t.Fatal(err)
		}
		listed = append(listed, key)
	}
	slices.Sort(keys)
	if !slices.Equal(listed, keys) {
		t.Errorf("listed are %q, want %q", listed, keys)
	}
	read := f.SessionIn("org1")
	for _, key := range keys {
		got, err := read(t.Context(), key)
		if err != nil {
			t.Errorf("%q: %v", key, err)
			continue
		}
		content, err := io.ReadAll(got.Body)
		if want := map[bool]string{true: "", false: key}[key == "empty"]; err != nil || string(content) != want || got.Size != int64(len(want)) || got.Modified.IsZero() {
			t.Errorf("%q is %q of %d bytes, modified %v: %v", key, content, got.Size, got.Modified, err)
		}
		if err := got.Body.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, key := range []string{
		"../org10/secret", "%2e%2e/org10/secret", "..%2forg10/secret", `..\org10\secret`, "\u2025/org10/secret", "/../org10/secret", "", "0/secret", "secret",
		"none", "nul\x00", strings.Repeat("x/", 600), strings.Repeat("x", 2000), "deep", "deep/", "empty?versionId=null", "\x01", "\xff",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // to wait for a server that fails takes longer
		_, err := read(ctx, key)
		cancel()
		if !errors.Is(err, fs.ErrNotExist) || export.MachineFault(err) != "" {
			t.Errorf("%.20q: %v", key, err)
		}
	}
}

// TestFaultsOfFiles has answers that are about one object, which is skipped then, and answers
// that all objects would get, so that an export is not one without files.
func TestFaultsOfFiles(t *testing.T) {
	for _, c := range []struct {
		status int
		code   string
		fault  bool
	}{
		{403, "AccessDenied", false},
		{403, "", false}, // of servers that say no more
		{403, "InvalidObjectState", false},
		{404, "NoSuchKey", false},
		{400, "KeyTooLongError", false},
		{400, "KMS.DisabledException", false},
		{405, "MethodNotAllowed", false},
		{403, "InvalidAccessKeyId", true},
		{403, "SignatureDoesNotMatch", true},
		{403, "RequestTimeTooSkewed", true},
		{400, "InvalidToken", true},
		{400, "AuthorizationHeaderMalformed", true},
		{401, "Unauthorized", true},
		{404, "NoSuchBucket", true},
		{301, "PermanentRedirect", true},
		{409, "OperationAborted", true},
		{407, "ProxyAuthenticationRequired", true},
	} {
		f := s3.NewFiles(answers(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			if c.code != "" {
				_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>No.</Message></Error>", c.code)
			}
		}))
		_, err := f.Session()(t.Context(), "a")
		if err == nil || (export.MachineFault(err) == export.FaultConnection) != c.fault {
			t.Errorf("%d %s is a fault %q: %v", c.status, c.code, export.MachineFault(err), err)
		}
	}
}

// TestFilesWithoutTheBucket takes the rights and the bucket away.
func TestFilesWithoutTheBucket(t *testing.T) {
	in := s3test.NewBucket(t)
	putObject(t, in, "a", "x")
	s3test.Setenv(t)
	t.Setenv("AWS_SECRET_ACCESS_KEY", "another-secret-key")
	bucket, err := s3.Open(t.Context(), in.URL(""), s3.Config{})
	if err != nil {
		t.Fatal(err)
	}
	gone := in
	gone.Name = "there-is-none"
	for name, f := range map[string]*s3.Files{"rights": s3.NewFiles(bucket), "bucket": s3.NewFiles(openIn(t, gone, "", s3.Config{}))} {
		_, err := f.Session()(t.Context(), "a")
		if export.MachineFault(err) == "" {
			t.Errorf("without the %s: %v", name, err)
		}
		for key, err := range f.List(t.Context(), "") {
			if export.MachineFault(err) == "" {
				t.Errorf("without the %s %q is listed: %v", name, key, err)
			}
		}
	}
}

// TestDigestOfFiles: a bucket of the same name at another server has other files.
func TestDigestOfFiles(t *testing.T) {
	seen := make(map[string]bool)
	for _, in := range []s3test.Bucket{{Name: "a", Endpoint: "http://127.0.0.1:1"}, {Name: "a", Endpoint: "http://127.0.0.1:2"}, {Name: "b", Endpoint: "http://127.0.0.1:2"}} {
		seen[s3.NewFiles(openIn(t, in, "p", s3.Config{})).Digest()] = true
	}
	if len(seen) != 3 {
		t.Errorf("%d digests: %v", len(seen), seen)
	}
}
