package httpapi_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestContractCopy compares the copy with the user's own document, where that
// is at hand.
func TestContractCopy(t *testing.T) {
	original, err := os.ReadFile("../../shared/contract/openapi.yaml")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the user's document is not here")
	}
	if err != nil {
		t.Fatal(err)
	}
	copied, err := os.ReadFile(contractFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(original, copied) {
		t.Errorf("%s is not the user's document", contractFile)
	}
}

// asJSON brings a value that YAML or JSON has read to one form.
func asJSON(t *testing.T, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func at(t *testing.T, doc any, path ...string) any {
	t.Helper()
	for _, name := range path {
		m, ok := doc.(map[string]any)
		if !ok || m[name] == nil {
			t.Fatalf("the document has no %q of %q", name, path)
		}
		doc = m[name]
	}
	return doc
}

// TestDocumentIsTheContract compares what is served with the user's document.
func TestDocumentIsTheContract(t *testing.T) {
	w := newWorld(t, nil)
	served, want := any(w.send("GET", "/openapi.json", withoutKey).json), asJSON(t, contract())
	for _, path := range [][]string{
		{"openapi"},
		{"info"},
		{"servers"},
		{"security"},
		{"externalDocs"},
		{"paths", exports + "{organization_id}/{job_id}", "get"},
		{"components", "securitySchemes"},
		{"components", "schemas", "OrgExportStatusOut"},
		{"components", "schemas", "ErrorOut"},
		{"components", "schemas", "OrgExportStatusEnum"},
		{"components", "schemas", "OrgExportArchiveFormatEnum"},
		{"components", "schemas", "OrgExportSectionOut"},
	} {
		got, want := at(t, served, path...), at(t, want, path...)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q differs:\n got %v\nwant %v", path, got, want)
		}
	}
	var names []string
	for name := range at(t, served, "components", "schemas").(map[string]any) {
		names = append(names, name)
	}
	slices.Sort(names)
	if want := []string{
		"ErrorOut", "OrgExportArchiveFormatEnum", "OrgExportListOut", "OrgExportSectionOut", "OrgExportStatusEnum",
		"OrgExportStatusOut", "PaginationOut",
	}; !slices.Equal(names, want) {
		t.Errorf("the schemas are %q, want %q", names, want)
	}
	var fromYAML map[string]any
	if err := yaml.Unmarshal(w.send("GET", "/openapi.yaml").body, &fromYAML); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(asJSON(t, fromYAML), served) {
		t.Error("the YAML and the JSON document differ")
	}
}

// TestExtensions: what is beyond the contract says so, and every operation that
// is limited says that.
func TestExtensions(t *testing.T) {
	w := newWorld(t, withEverything)
	got := make(map[string]string)
	for path, item := range at(t, w.send("GET", "/openapi.json").json, "paths").(map[string]any) {
		for method, op := range item.(map[string]any) {
			limited := "free"
			if _, ok := at(t, op, "responses").(map[string]any)["429"]; ok {
				limited = "limited"
			}
			got[method+" "+strings.TrimPrefix(path, exports)] = asText(t, at(t, op, "tags")) + " " + limited
		}
	}
	const ours, extension = `["Data Export"] `, `["Extensions"] `
	if want := map[string]string{
		"get {organization_id}/{job_id}":        ours + "free", // as the contract has it
		"post {organization_id}":                ours + "limited",
		"get {organization_id}":                 extension + "limited",
		"delete {organization_id}/{job_id}":     extension + "limited",
		"get {organization_id}/{job_id}/events": extension + "limited",
		"delete " + sessionPath:                 extension + "limited",
		"get /healthz":                          extension + "free",
		"get /readyz":                           extension + "free",
		"get /downloads/{organization_id}/{job_id}/{object}/{filename}": extension + "free",
	}; !reflect.DeepEqual(got, want) {
		t.Errorf("the operations are\n%v, want\n%v", got, want)
	}
}

func asText(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
