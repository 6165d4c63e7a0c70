package httpapi_test

import (
	"bytes"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

const contractFile = "testdata/contract.yaml"

// contract is the user's document, as YAML reads it.
var contract = sync.OnceValue(func() map[string]any {
	text, err := os.ReadFile(contractFile)
	if err != nil {
		panic(err)
	}
	var doc map[string]any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		panic(err)
	}
	return doc
})

// contractSchema returns a schema of the contract, read by a validator that knows
// nothing of OpenAPI. Real clients of OpenAPI judge in exportd/judgestest.
func contractSchema(name string) *jsonschema.Schema {
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("contract", contract()); err != nil {
		panic(err)
	}
	return c.MustCompile("contract#/components/schemas/" + name)
}

var (
	errorSchema  = sync.OnceValue(func() *jsonschema.Schema { return contractSchema("ErrorOut") })
	statusSchema = sync.OnceValue(func() *jsonschema.Schema { return contractSchema("OrgExportStatusOut") })
)

var (
	jobURL     = regexp.MustCompile(`^/dashboard/api/v1/data-export/[^/]+/[^/]+$`)
	othersPath = regexp.MustCompile(`/(docs|downloads)/`) // those say themselves what may be kept
	timestamp  = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$`)
	requestID  = regexp.MustCompile(`^[\w.:=+/-]{1,128}$`)
)

// checkReply checks what holds for every response.
func checkReply(r reply) {
	r.t.Helper()
	if !requestID.MatchString(r.Header.Get("X-Request-Id")) {
		r.t.Errorf("X-Request-Id is %q", r.Header.Get("X-Request-Id"))
	}
	r.wantHeader("X-Content-Type-Options", "nosniff")
	if !othersPath.MatchString(r.Request.URL.Path) || r.StatusCode >= 400 {
		r.wantHeader("Cache-Control", "no-store")
	}
	if all := new(bytes.Buffer); r.Header.Write(all) != nil || strings.Contains(all.String()+string(r.body), secret) {
		r.t.Errorf("a secret leaked: %s%s", all, r.body)
	}
	if r.StatusCode >= 400 {
		checkError(r)
	}
	checkJobs(r)
	if r.Request.Method == http.MethodGet && jobURL.MatchString(r.Request.URL.Path) && r.StatusCode == http.StatusOK {
		if err := statusSchema().Validate(r.json); err != nil {
			r.t.Errorf("%s is no OrgExportStatusOut: %v", r.body, err)
		}
	}
}

// checkJobs checks that every job, alone or in a list, has what clients read of it: null
// where there is none. Of its sections and of errors, null is left out.
func checkJobs(r reply) {
	r.t.Helper()
	list, _ := r.json["data"].([]any)
	if _, ok := r.json["job_id"]; ok {
		list = append(list, r.json)
	}
	for _, job := range list {
		job, _ := job.(map[string]any)
		for _, name := range []string{"output_filename", "download_url", "expires_at", "error", "sections"} {
			if _, ok := job[name]; !ok {
				r.t.Errorf("%s has no %s", r.body, name)
			}
		}
		sections, _ := job["sections"].([]any)
		for _, section := range sections {
			for name, v := range section.(map[string]any) {
				if v == nil {
					r.t.Errorf("field %s of a section is null: %s", name, r.body)
				}
			}
		}
	}
}

// checkError checks what holds for every error.
func checkError(r reply) {
	r.t.Helper()
	r.wantHeader("Content-Type", "application/problem+json")
	if r.Request.Method == http.MethodHead {
		return
	}
	if r.json == nil {
		r.t.Fatalf("%s %s: status %d has no JSON: %s", r.Request.Method, r.Request.URL, r.StatusCode, r.body)
	}
	if err := errorSchema().Validate(r.json); err != nil {
		r.t.Errorf("%s is no ErrorOut: %v", r.body, err)
	}
	if r.json["status"] != float64(r.StatusCode) {
		r.t.Errorf("field status is %v, want %d", r.json["status"], r.StatusCode)
	}
	if _, ok := r.json["retryable"].(bool); !ok {
		r.t.Errorf("field retryable is missing: %s", r.body)
	}
	if !timestamp.MatchString(r.text("timestamp")) {
		r.t.Errorf("field timestamp is %q", r.text("timestamp"))
	}
	if !strings.HasSuffix(r.text("type"), "/"+r.text("error_code")) {
		r.t.Errorf("field type is %q, error_code %q", r.text("type"), r.text("error_code"))
	}
	for name, v := range r.json {
		if v == nil {
			r.t.Errorf("field %s is null", name)
		}
	}
}
