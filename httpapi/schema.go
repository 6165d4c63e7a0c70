package httpapi

import (
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// The types of this file are the contract's schemas, to the letter. Their names
// are the names of the schemas. Where an optional field is null, a job has null, as
// the contract describes it, and sections and errors leave it out, as the contract's
// examples do.

// orgExportStatusOut is a job as clients see it.
type orgExportStatusOut struct {
	JobID          string                     `json:"job_id" doc:"Public identifier of the export job; use it to poll this endpoint."`
	Status         orgExportStatusEnum        `json:"status" doc:"Current job lifecycle state."`
	ArchiveFormat  orgExportArchiveFormatEnum `json:"archive_format" doc:"Container format of the generated archive."`
	FormatVersion  string                     `json:"format_version" doc:"Export format version baked into the archive manifest."`
	OutputFilename *string                    `json:"output_filename" required:"false" doc:"Suggested filename for the downloaded archive."`
	FileSizeBytes  int64                      `json:"file_size_bytes" doc:"Size of the generated archive in bytes (0 until complete)."`
	DownloadURL    *string                    `json:"download_url" required:"false" doc:"Time-limited signed URL to download the archive. Null until the job is complete."`
	ExpiresAt      *string                    `json:"expires_at" required:"false" doc:"ISO-8601 instant after which the download URL stops working."`
	Sections       []orgExportSectionOut      `json:"sections" required:"false" doc:"Per-section inventory of what was exported (also present inside the archive manifest)."`
	Error          *string                    `json:"error" required:"false" doc:"Job-level error message if the export failed."`
}

// TransformSchema implements [huma.SchemaTransformer].
func (orgExportStatusOut) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s = likeContract(s, "OrgExportStatusOut", "Status of an export job, with a signed download URL once complete.",
		"output_filename", "download_url", "expires_at", "error")
	s.Properties["job_id"] = idSchema("Job Id", s.Properties["job_id"].Description)
	s.Examples = []any{map[string]any{
		"archive_format":  "zip",
		"download_url":    "https://example-bucket.s3.amazonaws.com/media/org-exports/.../export.zip?X-Amz-Signature=...",
		"expires_at":      "2026-06-26T22:00:00+00:00",
		"file_size_bytes": 184320,
		"format_version":  "1.0",
		"job_id":          "a1b2c3d4e5f6g7h8i9j0k1",
		"output_filename": "closient-export-acme-foods-20260626-210000.zip",
		"sections": []any{
			map[string]any{"key": "organization", "record_count": 1, "status": "ok"},
			productsExample(),
		},
		"status": "completed",
	}}
	return s
}

// orgExportSectionOut is a line of the inventory.
type orgExportSectionOut struct {
	Key         string `json:"key" doc:"Section identifier, e.g. 'organization', 'products'."`
	Status      string `json:"status" doc:"Section outcome: 'ok', 'empty', 'partial', or 'error'."`
	RecordCount int64  `json:"record_count" doc:"Number of structured records the section wrote."`
	BinaryCount int64  `json:"binary_count,omitempty" doc:"Number of binary asset files the section wrote, if any."`
	Error       string `json:"error,omitempty" doc:"Error message if the section failed (best-effort isolation)."`
}

// TransformSchema implements [huma.SchemaTransformer].
func (orgExportSectionOut) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s = likeContract(s, "OrgExportSectionOut", "One section's outcome, lifted from the archive manifest.", "binary_count", "error")
	s.Examples = []any{productsExample()}
	return s
}

func productsExample() map[string]any {
	return map[string]any{"binary_count": 240, "key": "products", "record_count": 120, "status": "ok"}
}

type orgExportStatusEnum string

// Schema implements [huma.SchemaProvider].
func (orgExportStatusEnum) Schema(r huma.Registry) *huma.Schema {
	return enumSchema(r, statusEnum, "Lifecycle of an export job. Mirrors ``data_export.models.OrgExportStatus``.",
		"pending", "processing", "completed", "failed")
}

type orgExportArchiveFormatEnum string

// Schema implements [huma.SchemaProvider].
func (orgExportArchiveFormatEnum) Schema(r huma.Registry) *huma.Schema {
	return enumSchema(r, archiveFormatEnum, "Archive container. Mirrors ``data_export.models.OrgExportArchiveFormat``.",
		"zip", "tar.gz")
}

const (
	statusEnum        = "OrgExportStatusEnum"
	archiveFormatEnum = "OrgExportArchiveFormatEnum"
)

// errorOut is every error, and an error itself.
//
//nolint:errname // the name of the schema
type errorOut struct {
	Type                string `json:"type" doc:"URI reference identifying the error type."`
	Title               string `json:"title" doc:"Short human-readable summary of the error."`
	Status              int    `json:"status" doc:"HTTP status code."`
	Detail              string `json:"detail" doc:"Human-readable explanation of this specific occurrence."`
	ErrorCode           string `json:"error_code" doc:"Machine-readable error code (e.g. not_found, unauthorized)."`
	Retryable           bool   `json:"retryable" required:"false" default:"false" doc:"Whether retrying the same request can succeed."`
	Timestamp           string `json:"timestamp" doc:"ISO 8601 timestamp of when the error occurred."`
	RetryAfter          int    `json:"retry_after,omitempty" doc:"Seconds to wait before retrying (when applicable)."`
	OwnerActionRequired bool   `json:"owner_action_required,omitempty" doc:"Whether the error requires account owner intervention."`
	Details             any    `json:"details,omitempty" doc:"Additional context (validation errors, etc.)."`

	// RetryAfterSeconds is RetryAfter again: the prose of the contract has this
	// name, its schema the other one.
	RetryAfterSeconds int `json:"retry_after_seconds,omitempty"`

	header http.Header // fields that go with it
}

// TransformSchema implements [huma.SchemaTransformer].
func (*errorOut) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	delete(s.Properties, "retry_after_seconds")
	s = likeContract(s, "ErrorOut", "RFC 9457 Problem Details response.\n\n"+
		"All API errors are returned in this format with Content-Type:\napplication/problem+json.",
		"retry_after", "owner_action_required")
	return s
}

// errorExamples are examples of ErrorOut whose types begin with base.
func errorExamples(base string) []any {
	example := func(status int) map[string]any {
		k := kindOf(status)
		return map[string]any{
			"detail": k.detail, "error_code": k.code, "retryable": k.retryable, "status": status,
			"timestamp": "2026-03-31T12:00:00+00:00", "title": k.title, "type": base + k.code,
		}
	}
	notFound, invalid, limited := example(http.StatusNotFound), example(http.StatusUnprocessableEntity), example(http.StatusTooManyRequests)
	invalid["details"] = []any{map[string]any{"loc": []any{"body", "name"}, "msg": "Field required", "type": "missing"}}
	limited["retry_after"] = 31
	return []any{notFound, invalid, limited}
}

// Error implements error.
func (e *errorOut) Error() string { return "httpapi: " + e.Detail }

// GetStatus implements [huma.StatusError].
func (e *errorOut) GetStatus() int { return e.Status }

// GetHeaders implements [huma.HeadersError].
func (e *errorOut) GetHeaders() http.Header { return e.header }

// ContentType implements [huma.ContentTypeFilter].
func (e *errorOut) ContentType(string) string { return problemType }

// likeContract makes the schema of a struct look like those of the contract, which come
// from another program: properties have titles, null is one of anyOf, and unknown
// properties are allowed.
func likeContract(s *huma.Schema, title, description string, nullable ...string) *huma.Schema {
	s.Title, s.Description = title, description
	s.AdditionalProperties = nil
	for name, p := range s.Properties {
		p.Format, p.Nullable = "", false
		if p.Ref == "" {
			p.Title = titleOf(name)
		}
	}
	for _, name := range nullable {
		p := s.Properties[name]
		p.AnyOf = []*huma.Schema{{Type: p.Type}, {Type: "null"}}
		p.Type = ""
	}
	return s
}

// titleOf makes "Job Id" of "job_id".
func titleOf(name string) string {
	words := strings.Split(name, "_")
	for i, w := range words {
		words[i] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, " ")
}

// idSchema is the schema of a short id.
func idSchema(title, description string) *huma.Schema {
	length := idLength
	return &huma.Schema{
		Type: "string", Format: "shortuuid", Title: title, Description: description,
		MinLength: &length, MaxLength: &length, Pattern: idPattern,
	}
}

// enumSchema registers an enumeration as a schema of its own and refers to it.
func enumSchema(r huma.Registry, name, description string, values ...any) *huma.Schema {
	r.Map()[name] = &huma.Schema{Type: "string", Title: name, Description: description, Enum: values}
	return &huma.Schema{Ref: schemaPrefix + name}
}

const schemaPrefix = "#/components/schemas/"

// newRegistry returns a registry of schemas. Types that are not ours get names that ours
// never have. There is one: huma registers the error type of its own variables, and
// those belong to the host.
func newRegistry() huma.Registry {
	ours := reflect.TypeFor[errorOut]().PkgPath()
	return huma.NewMapRegistry(schemaPrefix, func(t reflect.Type, hint string) string {
		name := huma.DefaultSchemaNamer(t, hint)
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		if t.PkgPath() != ours {
			return foreign + name
		}
		return name
	})
}

const foreign = "foreign."
