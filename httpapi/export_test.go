package httpapi

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// HumaOf is for operations that only a test has.
func HumaOf(handler http.Handler) huma.API { return handler.(*api).huma }
