package s3_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/orgexport/orgexport/adapters/s3"
	"github.com/orgexport/orgexport/internal/s3test"
)

// got is an answer that was read.
type got struct {
	status int
	header http.Header
	body   string
}

func get(t *testing.T, method, address, bytes string) got {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if bytes != "" {
		r.Header.Set("Range", "bytes="+bytes)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got{resp.StatusCode, resp.Header, string(body)}
}

// TestLinks downloads by links from a real server.
func TestLinks(t *testing.T) {
	bucket := open(t, "prod", s3.Config{})
	d := s3.NewDestination(bucket)
	signer := s3.NewSigner(bucket, s3.SignerConfig{MediaType: func(name string) string {
		return map[bool]string{true: "application/zip", false: "other/type"}[strings.HasSuffix(name, ".zip")]
	}})
	const key = "org/job/1.zip"
	if err := d.Put(t.Context(), key, copies([]byte("0123456789"))); err != nil {
		t.Fatal(err)
	}
	link, err := signer.Sign(t.Context(), key, "Zoë's export.zip", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, address, bytes string
		status                 int
		body                   string
	}{
		{"GET", link.URL, "", 200, "0123456789"},
		{"GET", link.URL, "3-5", 206, "345"},
		{"GET", link.URL, "-2", 206, "89"},
		{"GET", strings.Replace(link.URL, "/job/", "/joc/", 1), "", 403, ""},
		{"GET", strings.Replace(link.URL, "X-Amz-Expires=3600", "X-Amz-Expires=7200", 1), "", 403, ""},
		{"GET", strings.Replace(link.URL, "application%2Fzip", "text%2Fhtml", 1), "", 403, ""},
		{"DELETE", link.URL, "", 403, ""},
		{"PUT", link.URL, "", 403, ""},
	} {
		answer := get(t, c.method, c.address, c.bytes)
		if answer.status != c.status || c.body != "" && answer.body != c.body {
			t.Errorf("%s %q: status %d, want %d: %q", c.method, c.bytes, answer.status, c.status, answer.body)
		}
		if c.status == 200 {
			const want = `attachment; filename="Zo_'s export.zip"; filename*=UTF-8''Zo%C3%AB%27s%20export.zip`
			if got := answer.header.Get("Content-Disposition"); got != want {
				t.Errorf("Content-Disposition is %q, want %q", got, want)
			}
			if got := answer.header.Get("Content-Type"); got != "application/zip" {
				t.Errorf("Content-Type is %q", got)
			}
		}
	}
	if err := d.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if answer := get(t, "GET", link.URL, ""); answer.status != 404 {
		t.Errorf("status %d once the object is deleted", answer.status)
	}
}

// TestLinksEndWithTheirCredentials has credentials that expire.
func TestLinksEndWithTheirCredentials(t *testing.T) {
	now := time.Date(2026, 6, 26, 21, 0, 0, 0, time.UTC)
	for _, c := range []struct{ left, ttl, want time.Duration }{
		{0, time.Hour, time.Hour}, // they do not expire
		{0, 8 * 24 * time.Hour, 7 * 24 * time.Hour},
		{90*time.Second + 999*time.Millisecond, time.Hour, 90 * time.Second},
		{2 * time.Hour, time.Hour, time.Hour},
		{999 * time.Millisecond, time.Hour, 0},
		{-time.Minute, time.Hour, 0},
	} {
		client := awss3.New(awss3.Options{Region: "us-east-1", Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{
				AccessKeyID: s3test.AccessKey, SecretAccessKey: s3test.SecretKey, SessionToken: "token",
				CanExpire: c.left != 0, Expires: now.Add(c.left),
			}, nil
		})})
		bucket, err := s3.NewBucket(s3.Config{Client: client, Name: "b"})
		if err != nil {
			t.Fatal(err)
		}
		link, err := s3.NewSigner(bucket, s3.SignerConfig{Now: func() time.Time { return now }}).Sign(t.Context(), "a/b/1.zip", "x.zip", c.ttl)
		if (err == nil) != (c.want > 0) {
			t.Errorf("credentials for %v: %v", c.left, err)
		}
		if err != nil {
			continue
		}
		u, err := url.Parse(link.URL)
		if err != nil {
			t.Fatal(err)
		}
		if got := u.Query().Get("X-Amz-Expires"); got != strconv.Itoa(int(c.want.Seconds())) || link.ExpiresAt != now.Add(c.want) {
			t.Errorf("credentials for %v: the link lives %s s and says %v, want %v", c.left, got, link.ExpiresAt.Sub(now), c.want)
		}
	}
}
