package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
	"github.com/orgexport/orgexport/httpapi"
	"github.com/orgexport/orgexport/httpapi/docsui"
)

// A service of one's own gets the API by one handler. It says itself who makes a
// request, and who may export what.
func Example() {
	mux := http.NewServeMux() // of the service
	api, err := httpapi.New(httpapi.Config{Service: exampleService(), Authenticate: signedIn, Docs: docsui.Handler()})
	if err != nil {
		panic(err)
	}
	mux.Handle("/", api)

	for _, who := range []string{"", "ann"} {
		request := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/dashboard/api/v1/data-export/"+ourOrg, nil)
		request.Header.Set("Signed-In", who)
		response := httptest.NewRecorder()
		mux.ServeHTTP(response, request)
		fmt.Println(response.Code, response.Header().Get("Content-Type"))
	}
	// Output:
	// 401 application/problem+json
	// 200 application/json
}

// An API with a name of its own. What is not set stays as the contract has it.
func Example_ownName() {
	api, err := httpapi.New(httpapi.Config{
		Service: exampleService(), Authenticate: signedIn,
		Info:      httpapi.Info{Title: "Acme Export API", Terms: "https://acme.example/terms"},
		BasePath:  "/v1/exports",
		ErrorBase: "https://acme.example/errors/",
		PublicURL: "https://api.acme.example",
	})
	if err != nil {
		panic(err)
	}
	get := func(path string) map[string]any {
		response := httptest.NewRecorder()
		api.ServeHTTP(response, httptest.NewRequestWithContext(context.Background(), http.MethodGet, path, nil))
		var body map[string]any
		if err := json.Unmarshal(response.Body.Bytes(), &body); err != nil {
			panic(err)
		}
		return body
	}
	fmt.Println(get("/openapi.json")["info"].(map[string]any)["title"])
	fmt.Println(get("/v1/exports/" + ourOrg)["type"])
	fmt.Println(get(httpapi.DefaultBasePath + "/" + ourOrg)["type"])
	// Output:
	// Acme Export API
	// https://acme.example/errors/unauthorized
	// https://acme.example/errors/not_found
}

// signedIn is what the service knows of a request anyway.
func signedIn(r *http.Request) (access.Principal, error) {
	who := r.Header.Get("Signed-In")
	if who == "" {
		return access.Principal{}, httpapi.ErrUnauthorized
	}
	return access.Principal{Name: "user:" + who, OrganizationID: ourOrg, Role: access.Owner}, nil
}

func exampleService() *jobs.Service {
	engine, err := export.New(export.Config{Sections: []export.Section{section("products")}})
	if err != nil {
		panic(err)
	}
	service, err := jobs.New(jobs.Config{
		Engine:        engine,
		Store:         new(jobstest.MemStore),
		Dispatcher:    new(jobstest.MemDispatcher),
		Destination:   new(jobstest.MemDestination),
		Signer:        new(jobstest.MemSigner),
		Organizations: jobstest.MemOrganizations{},
	})
	if err != nil {
		panic(err)
	}
	return service
}

// A handler that Config mounts answers errors as the API does.
func ExampleWriteError() {
	recorder := httptest.NewRecorder()
	request := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/downloads/x", nil)
	httpapi.WriteError(recorder, request, http.StatusForbidden, export.WithPublic(io.EOF, "The link has expired."))
	fmt.Println(recorder.Code, recorder.Header().Get("Content-Type"))
	// Output: 403 application/problem+json
}
