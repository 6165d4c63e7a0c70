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

// TestAnswers lets libopenapi-validator judge what is answered, by the document that is
// served and, of the contract's operation, by the contract: a job of each format on its
// way, the list of jobs, and each error that a request can have without a fault of the
// server.
func TestAnswers(t *testing.T) {
	t.Parallel()
	s := serve(t, "limits: {requests_per_minute: 1000000, requests_per_day: 1000000, exports_per_day: 3}\n") // it polls without a pause
	contract, document := newValidator(t, contract(t)), newValidator(t, s.document(t))
	ask := func(method, url, key string, want int) answer {
		t.Helper()
		a := s.send(t, method, url, "X-API-Key", key)
		if a.StatusCode != want {
			t.Errorf("%s %s: status %d, want %d\n%s", method, url, a.StatusCode, want, a.body)
		}
		return a
	}
	send := func(method, url, key string, want int) answer {
		t.Helper()
		a := ask(method, url, key, want)
		judge(t, "the document", document, a)
		return a
	}
	get := func(url string, want int) answer {
		t.Helper()
		a := ask(http.MethodGet, url, s.key, want)
		// Of this operation the schemas say application/json of errors, the text problem+json.
		a.Header.Set("Content-Type", "application/json")
		judge(t, "the contract", contract, a)
		judge(t, "the document", document, a)
		return a
	}
	for _, format := range []string{"zip", "tar.gz"} {
		job := status(t, send(http.MethodPost, s.url+"?archive_format="+format, s.key, http.StatusOK))
		for late := time.Now().Add(patience); job.Status != "completed"; {
			if job = status(t, get(s.url+"/"+job.ID, http.StatusOK)); time.Now().After(late) {
				t.Fatalf("the job is %s", job.Status)
			}
		}
	}
	send(http.MethodGet, s.url, s.key, http.StatusOK)
	send(http.MethodGet, s.url+"?page=none", s.key, http.StatusUnprocessableEntity)
	send(http.MethodPost, s.url+"?archive_format=rar", s.key, http.StatusUnprocessableEntity)
	send(http.MethodPost, s.url, "csb_x", http.StatusUnauthorized)
	job := status(t, send(http.MethodPost, s.url, s.key, http.StatusOK))
	send(http.MethodPost, s.url+"?sections=products", s.key, http.StatusTooManyRequests)
	send(http.MethodDelete, s.url+"/"+job.ID, s.key, http.StatusNoContent)
	get(s.url+"/"+job.ID, http.StatusOK)
	get(s.url+"/zzzzzzzzzzzzzzzzzzzzzz", http.StatusNotFound)
	other := s.url[:strings.LastIndex(s.url, "/")] + "/zzzzzzzzzzzzzzzzzzzzzz"
	get(other+"/zzzzzzzzzzzzzzzzzzzzzz", http.StatusForbidden)
}

// judge lets a validator judge an answer.
func judge(t *testing.T, name string, by validator.Validator, a answer) {
	t.Helper()
	a.Body = io.NopCloser(bytes.NewReader(a.body))
	ok, errs := by.ValidateHttpResponse(a.Request, a.Response)
	for _, e := range errs {
		t.Errorf("%s of %s %s, status %d: %s: %s\n%s", name, a.Request.Method, a.Request.URL, a.StatusCode, e.Message, e.Reason, a.body)
	}
	if !ok && len(errs) == 0 {
		t.Errorf("%s of %s %s, status %d: refused\n%s", name, a.Request.Method, a.Request.URL, a.StatusCode, a.body)
	}
}

type jobStatus struct {
	ID     string `json:"job_id"`
	Status string `json:"status"`
}

// status reads a job as a client that takes the contract at its word: what it calls null
// is there.
func status(t *testing.T, a answer) (s jobStatus) {
	t.Helper()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(a.body, &fields); err != nil {
		t.Fatalf("%v\n%s", err, a.body)
	}
	for _, name := range []string{"output_filename", "download_url", "expires_at", "error"} {
		if text := string(fields[name]); text != "null" && !strings.HasPrefix(text, `"`) {
			t.Errorf("%s is %q, want null or text\n%s", name, text, a.body)
		}
	}
	if err := json.Unmarshal(a.body, &s); err != nil || s.ID == "" {
		t.Fatalf("%v\n%s", err, a.body)
	}
	return s
}
