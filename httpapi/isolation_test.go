package httpapi_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/orgexport/orgexport/httpapi"
)

// ErrorOut has the name of a schema of ours, and a host's own form.
//
//nolint:errname // that is the point
type ErrorOut struct {
	Mine   string `json:"mine"`
	status int
}

func (e *ErrorOut) Error() string  { return e.Mine }
func (e *ErrorOut) GetStatus() int { return e.status }

// globals are the package variables of huma, functions by where they are.
func globals() []any {
	return []any{
		reflect.ValueOf(huma.NewError).Pointer(), reflect.ValueOf(huma.NewErrorWithContext).Pointer(),
		reflect.ValueOf(huma.ErrorFormatter).Pointer(), huma.DefaultArrayNullable, len(huma.DefaultFormats),
		reflect.ValueOf(huma.DefaultJSONFormat.Marshal).Pointer(), humago.MultipartMaxMemory,
	}
}

// TestIsolation has two handlers beside a host's API, in a process where huma's
// variables are what the host likes.
func TestIsolation(t *testing.T) {
	if hostile := t.Run("plain", isolation); !hostile {
		return
	}
	newError, nullable := huma.NewError, huma.DefaultArrayNullable
	t.Cleanup(func() { huma.NewError, huma.DefaultArrayNullable = newError, nullable })
	huma.NewError = func(status int, message string, _ ...error) huma.StatusError {
		return &ErrorOut{message, status}
	}
	huma.DefaultArrayNullable = !nullable
	t.Run("changed by the host", isolation)
}

func isolation(t *testing.T) {
	before := globals()
	one := newWorld(t, withEverything)
	two := newWorld(t, func(w *world) {
		w.config.ErrorBase, w.config.PublicURL = "https://two.example/errors/", "https://two.example"
	})
	mux := http.NewServeMux()
	host := humago.New(mux, huma.DefaultConfig("Host", "2.0.0"))
	type input struct {
		N int `query:"n" maximum:"5"`
	}
	type output struct{ Body struct{ List []string } }
	huma.Get(host, "/host", func(_ context.Context, in *input) (*output, error) {
		if in.N == 1 {
			return nil, errors.New("host's own")
		}
		return &output{}, nil
	})
	for name, w := range map[string]*world{"/one/": one, "/two/": two} {
		h, err := httpapi.New(w.config)
		if err != nil {
			t.Fatal(err)
		}
		mux.Handle(name, http.StripPrefix(strings.TrimSuffix(name, "/"), h))
	}
	if after := globals(); !reflect.DeepEqual(before, after) {
		t.Errorf("variables of huma were written: %v, before %v", after, before)
	}
	server := httptest.NewServer(mux)
	defer server.Close()

	for path, want := range map[string]string{"/one": "https://closient.com/docs/errors/", "/two": "https://two.example/errors/"} {
		r := sendTo(t, server.URL, "GET", path+exports+ourOrg+"?page=0", withKey(map[string]string{"/one": one.key, "/two": two.key}[path]))
		r.want(http.StatusUnprocessableEntity)
		if got := r.text("type"); got != want+"validation_error" {
			t.Errorf("%s: the type is %q", path, got)
		}
		r = sendTo(t, server.URL, "GET", path+"/openapi.json")
		if title := at(t, r.json, "info", "title"); title != "Brand Dashboard API (Internal)" {
			t.Errorf("%s: the title is %q", path, title)
		}
		got := at(t, r.json, "components", "schemas", "ErrorOut")
		ofContract := asText(t, at(t, asJSON(t, contract()), "components", "schemas", "ErrorOut"))
		if asText(t, got) != strings.ReplaceAll(ofContract, "https://closient.com/docs/errors/", want) {
			t.Errorf("%s: ErrorOut is %v", path, got)
		}
		got = at(t, r.json, "components", "schemas", "OrgExportStatusOut")
		if want := at(t, asJSON(t, contract()), "components", "schemas", "OrgExportStatusOut"); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: OrgExportStatusOut is %v", path, got)
		}
	}
	for path, status := range map[string]int{"/host": 200, "/host?n=1": 500, "/host?n=9": 422, "/openapi.json": 200} {
		rec := httptest.NewRecorder()
		mux.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if rec.Code != status || strings.Contains(rec.Body.String(), "closient") || rec.Header().Get("X-Request-Id") != "" {
			t.Errorf("the host's %s gives %d %s", path, rec.Code, rec.Body)
		}
	}
}
