// Package docsui is a page of documentation for the API, made of Swagger UI. All
// of it is part of the program: it loads nothing from elsewhere.
//
//	httpapi.New(httpapi.Config{Docs: docsui.Handler(), …})
package docsui

import (
	"embed"
	"net/http"

	"github.com/swaggest/swgui/v5/static"
	"github.com/vearutop/statigz"
)

//go:embed index.html init.js
var own embed.FS

// policy allows the page what it comes with and requests to its own server.
const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Handler returns a handler of the page, which is at "/", and of what it needs.
// It shows the OpenAPI document at "../openapi.json". It is safe for concurrent
// use.
func Handler() http.Handler {
	// Its files are part of the program: what can fail is to write them to a client that
	// has gone.
	swagger := statigz.FileServer(static.FS, statigz.OnError(func(http.ResponseWriter, *http.Request, error) {}))
	ours := http.FileServerFS(own)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Cache-Control", "max-age=3600")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "", http.StatusMethodNotAllowed)
			return
		}
		switch r.URL.Path {
		case "/", "/init.js":
			ours.ServeHTTP(w, r)
		default:
			swagger.ServeHTTP(w, r)
		}
	})
}
