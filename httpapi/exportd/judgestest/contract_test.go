//go:build unix

package judgestest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oasdiff/oasdiff/checker"
	"github.com/oasdiff/oasdiff/diff"
	"github.com/oasdiff/oasdiff/load"
	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
)

// contractFile is the user's document.
const contractFile = "../../testdata/contract.yaml"

func contract(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(contractFile)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestNothingBreaks lets oasdiff compare what is served with the contract.
func TestNothingBreaks(t *testing.T) {
	t.Parallel()
	s := serve(t, "")
	info := func(text []byte, name string) *load.SpecInfo {
		i, err := load.NewSpecInfoFromData(openapi3.NewLoader(), text, name)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	report, sources, err := diff.GetWithOperationsSourcesMap(diff.NewConfig(),
		info(contract(t), "contract.yaml"), info(s.document(t), "openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	config := checker.NewConfig(checker.GetAllChecks())
	for _, c := range checker.CheckBackwardCompatibility(config, report, sources) {
		t.Errorf("%s %s %s: %s", c.GetId(), c.GetOperation(), c.GetPath(), c.GetUncolorizedText(checker.NewDefaultLocalizer()))
	}
	added := checker.CheckBackwardCompatibilityUntilLevel(config, report, sources, checker.INFO)
	if len(added) == 0 {
		t.Error("oasdiff has not even seen the extensions")
	}
}

// TestDocumentIsValid lets libopenapi-validator read the document that is served, also
// with another name and path.
func TestDocumentIsValid(t *testing.T) {
	t.Parallel()
	for name, configuration := range map[string]string{
		"the contract's": "",
		"another name":   "api: {title: Acme exports, base_path: /v1/exports, error_types: 'https://acme.example/errors/', key_prefixes: {business: acme}}\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, configuration)
			valid := newValidator(t, s.document(t))
			if ok, errs := valid.ValidateDocument(); !ok {
				for _, e := range errs {
					t.Errorf("%s: %s %v", e.Message, e.Reason, e.SchemaValidationErrors)
				}
			}
		})
	}
}

func newValidator(t *testing.T, document []byte) validator.Validator {
	t.Helper()
	doc, err := libopenapi.NewDocument(document)
	if err != nil {
		t.Fatal(err)
	}
	v, errs := validator.NewValidator(doc)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return v
}

// TestAnswers lets libopenapi-validator judge what is answered to the contract's
// requests, by the contract and by the document that is served: a job of each format on
// its way, and each error that the contract has.
func TestAnswers(t *testing.T) {
	t.Parallel()
	s := serve(t, "")
	judges := map[string]validator.Validator{"the contract": newValidator(t, contract(t)), "the document": newValidator(t, s.document(t))}
	get := func(url string, want int) answer {
		t.Helper()
		a := s.send(t, http.MethodGet, url, "X-API-Key", s.key)
		if a.StatusCode != want {
			t.Errorf("status %d, want %d\n%s", a.StatusCode, want, a.body)
		}
		// The contract's schemas say application/json of errors, its text problem+json.
		a.Header.Set("Content-Type", "application/json")
		for name, judge := range judges {
			a.Body = io.NopCloser(bytes.NewReader(a.body))
			ok, errs := judge.ValidateHttpResponse(a.Request, a.Response)
			for _, e := range errs {
				t.Errorf("%s of status %d: %s: %s\n%s", name, want, e.Message, e.Reason, a.body)
			}
			if !ok && len(errs) == 0 {
				t.Errorf("%s of status %d: refused\n%s", name, want, a.body)
			}
		}
		return a
	}
	for _, format := range []string{"zip", "tar.gz"} {
		a := s.send(t, http.MethodPost, s.url+"?archive_format="+format, "X-API-Key", s.key)
		if a.StatusCode != http.StatusOK {
			t.Fatalf("status %d\n%s", a.StatusCode, a.body)
		}
		job := status(t, a)
		for late := time.Now().Add(patience); job.Status != "completed"; {
			if job = status(t, get(s.url+"/"+job.ID, http.StatusOK)); time.Now().After(late) {
				t.Fatalf("the job is %s", job.Status)
			}
		}
	}
	get(s.url+"/zzzzzzzzzzzzzzzzzzzzzz", http.StatusNotFound)
	other := s.url[:strings.LastIndex(s.url, "/")] + "/zzzzzzzzzzzzzzzzzzzzzz"
	get(other+"/zzzzzzzzzzzzzzzzzzzzzz", http.StatusForbidden)
}

type jobStatus struct {
	ID     string `json:"job_id"`
	Status string `json:"status"`
}

func status(t *testing.T, a answer) (s jobStatus) {
	t.Helper()
	if err := json.Unmarshal(a.body, &s); err != nil || s.ID == "" {
		t.Fatalf("%v\n%s", err, a.body)
	}
	return s
}
