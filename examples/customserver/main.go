// Command customserver streams an organization's export straight into the
// response: no job, no link, nothing kept. It fits exports of some minutes.
package main

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"os"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export"
)

// server answers GET /organizations/{organization}/export.
type server struct {
	engine *export.Engine

	// authenticate tells which organizations, by id, the sender of a request
	// may export; nil if it is nobody. Your sessions go here.
	authenticate func(*http.Request) map[string]export.Organization
}

func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /organizations/{organization}/export", s.export)
	return mux
}

func (s *server) export(w http.ResponseWriter, r *http.Request) {
	allowed := s.authenticate(r)
	if allowed == nil {
		w.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(w, "Sign in first.", http.StatusUnauthorized)
		return
	}
	organization, ok := allowed[r.PathValue("organization")]
	if !ok { // the same answer whether it exists or not
		http.Error(w, "You may not export this organization.", http.StatusForbidden)
		return
	}
	if !r.ProtoAtLeast(1, 1) { // HTTP/1.0 cannot tell a cut response from a whole one
		http.Error(w, "HTTP/1.1 or newer is needed.", http.StatusHTTPVersionNotSupported)
		return
	}
	request := export.Request{Organization: organization, JobID: export.NewID(), AsOf: time.Now(), Format: archive.Zip()}
	name := s.engine.Filename(request)
	w.Header().Set("Content-Type", request.Format.MediaType())
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	w.Header().Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead {
		return
	}
	if _, err := s.engine.Export(r.Context(), request, w); err != nil {
		slog.ErrorContext(r.Context(), "export aborted", "job", request.JobID, "error", err)
		panic(http.ErrAbortHandler) // to return would end a cut archive like a whole one
	}
}

func main() {
	engine, err := export.New(export.Config{Sections: []export.Section{members}})
	if err != nil {
		slog.Error("no engine", "error", err)
		os.Exit(1)
	}
	token := rand.Text()
	s := &server{engine, bearer(token, acme)}
	fmt.Printf("curl -f -OJ -H 'Authorization: Bearer %s' http://localhost:8080/organizations/%s/export\n", token, acme.ID)
	h := &http.Server{Addr: "localhost:8080", Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second, WriteTimeout: time.Hour}
	slog.Error("server ended", "error", h.ListenAndServe())
	os.Exit(1)
}
