package httpapi_test

import (
	"errors"
	"net/http"

	"github.com/orgexport/orgexport/httpapi"
	"github.com/orgexport/orgexport/httpapi/docsui"
)

// withEverything turns all on that is optional.
func withEverything(w *world) {
	w.config.Downloads = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		httpapi.Fail(rw, r, http.StatusForbidden, errors.New("sign: link"))
	})
	w.config.Docs = docsui.Handler()
}
