package s3_test

import (
	"strings"
	"testing"

	"github.com/orgexport/orgexport/adapters/s3"
)

func TestParseAddress(t *testing.T) {
	for raw, want := range map[string]s3.Address{
		"s3://acme":       {Bucket: "acme"},
		"s3://acme/":      {Bucket: "acme"},
		"s3://Old_Acme.x": {Bucket: "Old_Acme.x"},
		"s3://acme?endpoint=http://[::1]:9000/s3": {Bucket: "acme", Endpoint: "http://[::1]:9000/s3"},
		"s3://acme/a/b/?region=eu":                {Bucket: "acme", Prefix: "a/b", Region: "eu"},
		"s3://acme/p?path_style=true&endpoint=https%3A%2F%2Fminio.example.com%3A9000": {
			Bucket: "acme", Prefix: "p", PathStyle: true, Endpoint: "https://minio.example.com:9000",
		},
		"s3://acme?kms_key=alias/x&role_arn=arn:aws:iam::1:role/x&external_id=y": {
			Bucket: "acme", KMSKey: "alias/x", RoleARN: "arn:aws:iam::1:role/x", ExternalID: "y",
		},
	} {
		if got, err := s3.ParseAddress(raw); err != nil || got != want {
			t.Errorf("%q is read as %+v, %v", raw, got, err)
		}
	}
	for _, raw := range []string{
		"", "acme", "/acme", "gs://acme", "s3://", "s3:///p", "s3://key:secret@acme/p", "s3://acme:9000", "s3://acme/a//b", "s3://acme/../b",
		"s3://acme#x", "s3://acme?region=", "s3://acme?region=a&region=b", "s3://acme?secret=x", "s3://acme?path_style=perhaps",
		"s3://acme?endpoint=minio", "s3://acme?endpoint=ftp://minio", "s3://acme?endpoint=https://key:secret@minio", "s3://acme?endpoint=https://minio?x",
		"s3://acme?endpoint=https://:9000", "s3://bücket", "s3://../p", "s3://.acme", "s3://a..b", "s3://[::1]/p", "s3://acme/a%00b", "s3://acme/a%0ab",
		"s3://acme?external_id=y", "s3://acme?%", "s3://acme?a=%zz",
	} {
		_, err := s3.ParseAddress(raw)
		if err == nil || strings.Contains(err.Error(), "key:secret") {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

// FuzzParseAddress looks for addresses that make keys of another form than a prefix, or
// endpoints with credentials.
func FuzzParseAddress(f *testing.F) {
	f.Add("s3://acme/p?path_style=true&endpoint=https%3A%2F%2Fminio.example.com%3A9000&region=eu")
	f.Fuzz(func(t *testing.T, raw string) {
		a, err := s3.ParseAddress(raw)
		if err != nil {
			return
		}
		if a.Bucket == "" || strings.HasPrefix(a.Prefix, "/") || strings.HasSuffix(a.Prefix, "/") || strings.Contains("/"+a.Prefix+"/", "/../") {
			t.Errorf("%q is read as %+v", raw, a)
		}
		if strings.Contains(a.Endpoint, "@") && !strings.Contains(a.Endpoint, "/") {
			t.Errorf("%q has the endpoint %q", raw, a.Endpoint)
		}
	})
}
