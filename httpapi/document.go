package httpapi

import (
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

const (
	tagExport     = "Data Export"
	tagExtensions = "Extensions" // beyond the contract
)

// newDocument is the OpenAPI document before operations are added.
func (a *api) newDocument() *huma.OpenAPI {
	document := &huma.OpenAPI{
		OpenAPI:  "3.1.0",
		Security: []map[string][]string{}, // operations say what they need
		Tags: []*huma.Tag{
			{Name: tagExport, Description: "Request exports of everything an organization owns, and poll them."},
			{Name: tagExtensions, Description: "Additions to the published API."},
		},
		Components: &huma.Components{
			Schemas: newRegistry(),
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"APIKeyHeaderAuth": {Type: "apiKey", In: "header", Name: "X-API-Key", Description: a.config.aboutKeys()},
				"OAuthTokenAuth":   {Type: "http", Scheme: "bearer"},
				"SessionAuth":      {Type: "apiKey", In: "cookie", Name: sessionCookie},
			},
		},
	}
	a.config.describe(document)
	return document
}

// credentials are any of what operations accept.
func credentials() []map[string][]string {
	return []map[string][]string{{"APIKeyHeaderAuth": {}}, {"OAuthTokenAuth": {}}, {"SessionAuth": {}}}
}

// registerOperations adds all operations to the mux and to the document.
func (a *api) registerOperations() {
	schemas := a.huma.OpenAPI().Components.Schemas
	schemas.Schema(reflect.TypeFor[errorOut](), true, "")
	a.registerContract()
	a.registerExtensions()
	a.registerEvents()
	if a.config.Sessions != nil {
		a.registerSession()
	}
	a.documentOthers()
	for name := range schemas.Map() {
		if strings.HasPrefix(name, foreign) {
			delete(schemas.Map(), name)
		}
	}
	a.config.nameSchemas(schemas.Map())
	formats := schemas.Map()[archiveFormatEnum]
	for _, name := range a.config.Service.Formats() {
		if !slices.Contains(formats.Enum, any(name)) {
			formats.Enum = append(formats.Enum, name)
		}
	}
}

func (a *api) registerContract() {
	register(a, huma.Operation{
		Method:      http.MethodGet,
		Path:        a.paths.job,
		OperationID: a.config.operationID("get_org_export"),
		Tags:        []string{tagExport},
		Summary:     "Poll an organization data export",
		Description: "Return the status of a previously-requested export. Once `status` is `completed`, " +
			"the response carries a time-limited signed `download_url`.",
		Parameters: []*huma.Param{organizationParam("UUID of the organization."), jobParam()},
		// The contract says application/json of errors, which are problem+json.
		Responses: errorResponses("application/json", http.StatusForbidden, http.StatusNotFound),
	}, a.getJob)
	register(a, huma.Operation{
		Method:      http.MethodPost,
		Path:        a.paths.jobs,
		OperationID: a.config.operationID("request_org_export"),
		Tags:        []string{tagExport},
		Summary:     "Request an organization data export",
		Description: "Start an export of everything the organization owns, as an archive of YAML files and binary assets. " +
			"Poll it with the returned `job_id`.\n\nRepeating the request is safe: while an export with the same " +
			"parameters is in flight, that one is returned. The parameters `sections` and `retry_of` are extensions. " +
			"An export that retries another begins with the `sections` that it takes over; the others run.",
		Parameters: append([]*huma.Param{organizationParam("UUID of the organization to export.")}, a.createParams()...),
		Responses: errorResponses(problemType, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound,
			http.StatusConflict, http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusInternalServerError),
	}, a.createJob)
}

func (a *api) createParams() []*huma.Param {
	formats := &huma.Schema{Type: "string", Title: "Archive Format", Default: a.config.Service.Formats()[0]}
	for _, name := range a.config.Service.Formats() {
		formats.Enum = append(formats.Enum, name)
	}
	section := &huma.Schema{Type: "string"}
	for _, key := range a.config.Service.Keys() {
		section.Enum = append(section.Enum, key)
	}
	explode := true
	return []*huma.Param{
		queryParam("archive_format", "Container format of the archive.", formats),
		{
			Name: "sections", In: "query", Explode: &explode,
			Description: "Extension: the sections to export, all by default. Repeat the parameter or separate keys by commas.",
			Schema:      &huma.Schema{Type: "array", Title: "Sections", Items: section},
		},
		queryParam("retry_of", "Extension: an earlier export of the organization that has ended; `archive_format` is the same or left out. "+
			"Of its sections only those are run again that failed or were incomplete; the others are taken over while they are kept. "+
			"The archive has the name of the earlier one, and its manifest says which export each section is of.", idSchema("Retry Of", "")),
	}
}

func (a *api) registerExtensions() {
	one, most, pages := 1.0, float64(maxPageSize), float64(maxPage)
	register(a, huma.Operation{
		Method:      http.MethodGet,
		Path:        a.paths.jobs,
		OperationID: "list_org_exports",
		Tags:        []string{tagExtensions},
		Summary:     "List an organization's data exports",
		Description: "Return the organization's exports, newest first. A page past the end is empty.",
		Parameters: []*huma.Param{
			organizationParam("UUID of the organization."),
			queryParam("page", "Number of the page.", &huma.Schema{
				Type: "integer", Title: "Page", Default: 1, Minimum: &one, Maximum: &pages,
			}),
			queryParam("page_size", "How many exports a page has at most.", &huma.Schema{
				Type: "integer", Title: "Page Size", Default: defaultPageSize, Minimum: &one, Maximum: &most,
			}),
		},
		Responses: errorResponses(problemType, http.StatusUnauthorized, http.StatusForbidden,
			http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusInternalServerError),
	}, a.listJobs)
	register(a, huma.Operation{
		Method:        http.MethodDelete,
		Path:          a.paths.job,
		OperationID:   "delete_org_export",
		Tags:          []string{tagExtensions},
		Summary:       "Cancel an organization data export, or delete its archive",
		Description:   "An export in flight is cancelled and becomes `failed`; the archive of a completed one is deleted. Repeating the request is safe.",
		Parameters:    []*huma.Param{organizationParam("UUID of the organization."), jobParam()},
		DefaultStatus: http.StatusNoContent,
		Responses: errorResponses(problemType, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound,
			http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusInternalServerError),
	}, a.deleteJob)
}

// documentOthers documents what is served without huma.
func (a *api) documentOthers() {
	text := func(properties map[string]*huma.Schema) *huma.Response {
		properties["status"] = &huma.Schema{Type: "string"}
		return &huma.Response{Description: "OK", Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{
			Type: "object", Required: []string{"status"}, Properties: properties,
		}}}}
	}
	words := func() *huma.Schema { return &huma.Schema{Type: "string"} }
	health := errorResponses(problemType)
	health["200"] = text(map[string]*huma.Schema{})
	ready := errorResponses(problemType, http.StatusServiceUnavailable)
	ready["200"] = text(map[string]*huma.Schema{"warnings": {
		Type: "array", Description: "What operators are to know although requests can be served. `workers`: no worker has looked at the queue for a minute.",
		Items: &huma.Schema{
			Type: "object", Required: []string{"name", "detail"}, Properties: map[string]*huma.Schema{"name": words(), "detail": words()},
		},
	}})
	a.huma.OpenAPI().AddOperation(&huma.Operation{
		Method: http.MethodGet, Path: healthPath, OperationID: "healthz", Tags: []string{tagExtensions},
		Summary: "Tell whether the server lives", Responses: health,
	})
	a.huma.OpenAPI().AddOperation(&huma.Operation{
		Method: http.MethodGet, Path: readyPath, OperationID: "readyz", Tags: []string{tagExtensions},
		Summary: "Tell whether the server can serve requests", Responses: ready,
		Description: "Checks what the server needs. The error's `details` are `{\"not_ready\": [...]}` with what is not ready: " +
			"`database`, `queue`, `parts`, `archives`, `server` if it is to stop, or a check of the host by its name.",
	})
	if a.config.Downloads != nil {
		a.documentDownload()
	}
}

func (a *api) documentDownload() {
	text := func(in, name, about string) *huma.Param {
		return &huma.Param{Name: name, In: in, Required: true, Description: about, Schema: &huma.Schema{Type: "string"}}
	}
	archive := func(description string) *huma.Response {
		return &huma.Response{Description: description, Content: map[string]*huma.MediaType{
			"application/octet-stream": {Schema: &huma.Schema{Type: "string", Format: "binary"}},
		}}
	}
	responses := errorResponses(problemType, http.StatusForbidden, http.StatusNotFound, http.StatusGone, http.StatusPreconditionFailed,
		http.StatusRequestedRangeNotSatisfiable, http.StatusInternalServerError)
	responses["200"] = archive("The archive")
	responses["206"] = archive("The part of the archive that the header field Range asks for")
	a.huma.OpenAPI().AddOperation(&huma.Operation{
		Method: http.MethodGet, Path: a.config.DownloadsPath + "{organization_id}/{job_id}/{object}/{filename}",
		OperationID: "download_org_export", Tags: []string{tagExtensions},
		Summary: "Download an archive",
		Description: "What `download_url` leads to. It needs no credentials, cannot be changed, and stops working at `expires_at`. " +
			"An interrupted download can be resumed by a Range.",
		Parameters: []*huma.Param{
			organizationParam("UUID of the organization."), jobParam(),
			text("path", "object", "Which attempt made the archive, and its extension."),
			text("path", "filename", "Name of the archive."),
			{Name: "expires", In: "query", Required: true, Description: "When the link stops working, in Unix time.", Schema: &huma.Schema{Type: "integer"}},
			text("query", "kid", "Which key has signed the link."),
			text("query", "signature", "The signature."),
		},
		Responses: responses,
	})
}

func organizationParam(about string) *huma.Param {
	return &huma.Param{
		Name: "organization_id", In: "path", Required: true, Description: about, Schema: idSchema("Organization Id", about),
	}
}

func jobParam() *huma.Param {
	const about = "UUID of the export job returned by the create endpoint."
	return &huma.Param{Name: "job_id", In: "path", Required: true, Description: about, Schema: idSchema("Job Id", about)}
}

func queryParam(name, about string, schema *huma.Schema) *huma.Param {
	return &huma.Param{Name: name, In: "query", Description: about, Schema: schema}
}

// errorResponses documents errors. Because there are some, huma adds none.
func errorResponses(mediaType string, statuses ...int) map[string]*huma.Response {
	responses := make(map[string]*huma.Response)
	for _, status := range statuses {
		responses[strconv.Itoa(status)] = &huma.Response{
			Description: kindOf(status).title,
			Content:     map[string]*huma.MediaType{mediaType: {Schema: &huma.Schema{Ref: schemaPrefix + "ErrorOut"}}},
		}
	}
	return responses
}
