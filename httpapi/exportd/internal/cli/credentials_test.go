//go:build unix

package cli_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

const (
	exportsOfAcme = "/dashboard/api/v1/data-export/" + acme
	logOut        = "/dashboard/api/v1/session"
)

// reply is what the API answers, as it is.
type reply struct {
	code   int
	header http.Header
	text   string
}

// send sends a request with these header fields, each a name, a colon, a space
// and a value.
func (s *serving) send(t *testing.T, method, path string, fields ...string) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		r.Header.Add(name, value)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatalf("%v\n%s", err, s.log.String())
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, string(body)}
}

// wantCodes fails the test unless each of these credentials, header fields, may
// list the exports of acme or is refused with the status.
func (s *serving) wantCodes(t *testing.T, what string, code int, credentials ...string) {
	t.Helper()
	for _, credential := range credentials {
		if got := s.send(t, http.MethodGet, exportsOfAcme, credential); got.code != code {
			scheme, _, _ := strings.Cut(credential, ":")
			t.Errorf("%s: %s has the status %d, want %d\n%s", what, scheme, got.code, code, got.text)
		}
	}
}

// exported requests an export with a credential, polls and downloads it, and
// returns its link.
func (s *serving) exported(t *testing.T, credential string) (link string) {
	t.Helper()
	var a answer
	read := func(r reply) {
		if err := json.Unmarshal([]byte(r.text), &a); err != nil || r.code != http.StatusOK {
			t.Fatalf("status %d, %v\n%s", r.code, err, r.text)
		}
	}
	read(s.send(t, http.MethodPost, exportsOfAcme+"?archive_format=zip", credential))
	eventually(t, "ended", func() bool {
		read(s.send(t, http.MethodGet, exportsOfAcme+"/"+a.JobID, credential))
		return ended(a)
	})
	if a.Status != "completed" || !strings.HasPrefix(get(t, a.Download, http.StatusOK), "PK") {
		t.Fatalf("the job is %+v\n%s", a, s.log.String())
	}
	return a.Download
}
