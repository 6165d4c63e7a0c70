package s3_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/adapters/s3"
)

// TestListingsThatAreNone has servers and proxies that answer 200 with something else than the
// whole of a listing. None of them is a listing of nothing.
func TestListingsThatAreNone(t *testing.T) {
	const head = "<ListBucketResult><Name>b</Name><IsTruncated>true</IsTruncated><Contents><Key>p/x</Key></Contents>"
	for name, answer := range map[string]string{
		"nothing":         "",
		"a page":          "<html><body>Sign in</body></html>",
		"JSON":            "{}",
		"the old listing": head + "<NextMarker>p/x</NextMarker></ListBucketResult>", // of servers that do not know the new one
		"no beginning":    head + "</ListBucketResult>",
		"always the same": head + "<NextContinuationToken>1</NextContinuationToken></ListBucketResult>",
		"no key":          "<ListBucketResult><Name>b</Name><EncodingType>url</EncodingType><Contents><Key>p/%zz</Key></Contents></ListBucketResult>",
		"cut":             head,
	} {
		bucket := answers(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) })
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		if keys, err := s3.NewDestination(bucket).List(ctx, ""); err == nil || ctx.Err() != nil {
			t.Errorf("%s: %q, %v", name, keys, err)
		}
		if jobs, err := s3.NewSpool(bucket).Jobs(ctx); err == nil || ctx.Err() != nil {
			t.Errorf("%s: jobs %q, %v", name, jobs, err)
		}
		cancel()
	}
}

// TestKeysThatXMLCannotHave lists keys as AWS gives them: with references to characters that no
// parser takes, unless it is asked to encode them.
func TestKeysThatXMLCannotHave(t *testing.T) {
	f := s3.NewFiles(answers(t, func(w http.ResponseWriter, r *http.Request) {
		said, keys := "", []string{"p/o/&#x1;", "p/o/a b", "p/o/a+b", "p/o/%41"}
		if r.URL.Query().Get("encoding-type") == "url" {
			said, keys = "<EncodingType>url</EncodingType>", []string{"p/o/%01", "p/o/a+b", "p/o/a%2Bb", "p/o/%2541"}
		}
		_, _ = fmt.Fprintf(w, "<ListBucketResult><Name>b</Name>%s<Contents><Key>%s</Key></Contents></ListBucketResult>",
			said, strings.Join(keys, "</Key></Contents><Contents><Key>"))
	}))
	var got []string
	for key, err := range f.List(t.Context(), "o") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, key)
	}
	if want := []string{"\x01", "a b", "a+b", "%41"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
