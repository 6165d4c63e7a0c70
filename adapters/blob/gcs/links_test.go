package gcs

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/storage"
	"gocloud.dev/blob/gcsblob"
	"google.golang.org/api/option"

	"github.com/orgexport/orgexport/adapters/blob"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
)

// vector is one of the vectors of signatures that Google publishes in
// github.com/googleapis/conformance-tests, and in the module of its library.
type vector struct {
	Description, Bucket, Object, Method, Timestamp, ExpectedURL string

	Expiration      int
	Headers         map[string]string
	QueryParameters map[string]string
	URLStyle        string

	Hostname, ClientEndpoint, EmulatorHostname, UniverseDomain string
}

// published returns the content of a file of the vectors.
func published(t *testing.T, name string) []byte {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "cloud.google.com/go/storage").Output()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "internal", "test", "conformance", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// account is whom the vectors are signed by.
func account(t *testing.T) gcsblob.Options {
	t.Helper()
	var key struct {
		Email      string `json:"client_email"`
		PrivateKey string `json:"private_key"`
	}
	if err := json.Unmarshal(published(t, "service-account"), &key); err != nil {
		t.Fatal(err)
	}
	return gcsblob.Options{GoogleAccessID: key.Email, PrivateKey: []byte(key.PrivateKey)}
}

// sorted returns a URL with its parameters in the order of their names: any order is good.
func sorted(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.RawQuery = u.Query().Encode()
	return u.String()
}

// TestPublishedVectors signs what the vectors have, at their time.
func TestPublishedVectors(t *testing.T) {
	var file struct {
		SigningV4Tests []vector `json:"signingV4Tests"`
	}
	if err := json.Unmarshal(published(t, "v4_signatures.json"), &file); err != nil {
		t.Fatal(err)
	}
	signer, compared := account(t), 0
	for _, v := range file.SigningV4Tests {
		other := v.Hostname + v.ClientEndpoint + v.EmulatorHostname + v.UniverseDomain + v.URLStyle
		if v.Method != http.MethodGet || v.Object == "" || len(v.Headers) > 0 || other != "" {
			continue // our links have none of that
		}
		compared++
		t.Run(v.Description, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				at, err := time.Parse(time.RFC3339, v.Timestamp)
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Until(at))
				client, err := storage.NewClient(t.Context(), option.WithHTTPClient(&http.Client{}))
				if err != nil {
					t.Fatal(err)
				}
				signer.Client = client
				in, err := gcsblob.OpenBucket(t.Context(), nil, v.Bucket, &signer)
				if err != nil {
					t.Fatal(err)
				}
				parameters := url.Values{}
				for name, value := range v.QueryParameters {
					parameters.Set(name, value)
				}
				got, err := link(t.Context(), in, blob.Link{
					Key: v.Object, Begins: at, Expires: at.Add(time.Duration(v.Expiration) * time.Second),
				}, parameters)
				if err != nil || sorted(t, got) != sorted(t, v.ExpectedURL) {
					t.Errorf("%v\ngot  %s\nwant %s", err, got, v.ExpectedURL)
				}
			})
		})
	}
	if compared < 5 {
		t.Errorf("%d vectors are of links like ours", compared)
	}
}

// TestSigner runs the kit, and looks at what is signed in a link.
func TestSigner(t *testing.T) {
	options := account(t)
	signer := func(t *testing.T) jobs.Signer {
		client, err := storage.NewClient(t.Context(), option.WithHTTPClient(&http.Client{}))
		if err != nil {
			t.Fatal(err)
		}
		options.Client = client
		in, err := gcsblob.OpenBucket(t.Context(), nil, "acme-exports", &options)
		if err != nil {
			t.Fatal(err)
		}
		b, err := blob.NewBucket(blob.Config{Bucket: in, Prefix: "prod", Provider: Provider()})
		if err != nil {
			t.Fatal(err)
		}
		return blob.NewSigner(b, blob.SignerConfig{MediaType: func(string) string { return "application/zip" }})
	}
	jobstest.RunSigner(t, signer)
	for _, c := range []struct{ ttl, want time.Duration }{
		{time.Second, time.Second}, {90*time.Second + 999*time.Millisecond, 90 * time.Second},
		{time.Hour, time.Hour}, {8 * 24 * time.Hour, 7 * 24 * time.Hour},
	} {
		before := time.Now().UTC().Truncate(time.Second)
		made, err := signer(t).Sign(t.Context(), "org/job/1.zip", "Zoë's export.zip", c.ttl)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(made.URL)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		signed, err := time.Parse("20060102T150405Z", q.Get("X-Goog-Date"))
		if err != nil {
			t.Fatal(err)
		}
		life, err := time.ParseDuration(q.Get("X-Goog-Expires") + "s")
		if err != nil || life != c.want || made.ExpiresAt.After(signed.Add(life)) || made.ExpiresAt.Before(before.Add(c.want)) {
			t.Errorf("a link for %v lives %v from %v and says %v, %v", c.ttl, life, signed, made.ExpiresAt, err)
		}
		const disposition = `attachment; filename="Zo_'s export.zip"; filename*=UTF-8''Zo%C3%AB%27s%20export.zip`
		if u.Host != "storage.googleapis.com" || u.Path != "/acme-exports/prod/org/job/1.zip" ||
			q.Get("response-content-disposition") != disposition || q.Get("response-content-type") != "application/zip" {
			t.Errorf("the link is %s", made.URL)
		}
	}
}
