package httpapi

import (
	"cmp"
	_ "embed"
	"fmt"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orgexport/orgexport/export/access"
)

// Info is what the OpenAPI document, and so the page of documentation, says about
// the API as a whole. The zero value means the texts of the contract. With any field
// set, nothing of them is left in the document: Title is required then, and the other
// fields may be empty.
type Info struct {
	// Title is what the API is called, such as "Acme Export API".
	Title string

	// Version is that of the API. Defaults to "1.0.0".
	Version string

	// Description is Markdown and is used as it is. Defaults to a text about
	// credentials, limits and errors.
	Description string

	// Terms is the URL of the terms of service. Empty means that there are none.
	Terms string

	// Documentation is the URL of further documentation. Empty means that there is
	// none.
	Documentation string
}

// own reports whether the API has a name of its own.
func (i Info) own() bool { return i != Info{} }

// The descriptions of the API: the contract's, and the default of an API with a name
// of its own. Both have default prefixes of keys and error types, which
// replaceDefaults replaces.
var (
	//go:embed description.md
	contractDescription string

	//go:embed descriptionown.md
	ownDescription string
)

func contractInfo() Info {
	return Info{
		Title:         "Brand Dashboard API (Internal)",
		Description:   contractDescription,
		Terms:         "https://www.closient.com/terms/",
		Documentation: "https://docs.closient.com",
	}
}

// describe puts into the document what it says about the API as a whole.
func (c Config) describe(document *huma.OpenAPI) {
	info, more := c.Info, "Documentation"
	if !info.own() {
		info, more = contractInfo(), "Closient Documentation"
	}
	setDefault(&info.Description, ownDescription)
	if c.Info.Description == "" {
		info.Description = c.replaceDefaults(info.Description)
	}
	document.Info = &huma.Info{
		Title:          info.Title,
		Version:        cmp.Or(info.Version, "1.0.0"),
		Description:    info.Description,
		TermsOfService: info.Terms,
	}
	if info.Documentation != "" {
		document.ExternalDocs = &huma.ExternalDocs{Description: more, URL: info.Documentation}
	}
	document.Servers = []*huma.Server{{URL: cmp.Or(c.PublicURL, "/")}}
}

// replaceDefaults puts the prefix of keys and the base of error types in the place of
// the defaults.
func (c Config) replaceDefaults(text string) string {
	prefix := func(p access.KeyPrefixes) string { return p.Of(access.Business) + "_<body>" }
	return strings.NewReplacer(prefix(access.KeyPrefixes{}), prefix(c.KeyPrefixes), defaultErrorBase, c.ErrorBase).Replace(text)
}

// aboutKeys says how keys look, where that is not the contract's business.
func (c Config) aboutKeys() string {
	if c.Keys == nil || !c.Info.own() && c.KeyPrefixes == (access.KeyPrefixes{}) {
		return ""
	}
	p := c.KeyPrefixes
	return fmt.Sprintf("An API key: `%s_`, `%s_` or `%s_`, and 32 letters and digits, `_` and their CRC-32 in 8 hexadecimal digits.",
		p.Of(access.Business), p.Of(access.User), p.Of(access.Publishable))
}

// operationID returns the contract's id of an operation, or one without the place of
// the operation in the contract's program if the API has a name of its own.
func (c Config) operationID(name string) string {
	if c.Info.own() {
		return name
	}
	return "apps_dashboard_api_data_export_" + name
}

// nameSchemas puts the configuration into the schemas. They are made of types, which
// do not know it.
func (c Config) nameSchemas(schemas map[string]*huma.Schema) {
	schemas["ErrorOut"].Examples = errorExamples(c.ErrorBase)
	if !c.Info.own() {
		return
	}
	status := schemas["OrgExportStatusOut"].Examples[0].(map[string]any)
	status["job_id"] = "H9cNmGXLEc8NWcZzSThA9S" // that of the contract does not follow its own pattern
	status["output_filename"] = "export-acme-foods-20260626-210000.zip"
	for _, name := range []string{statusEnum, archiveFormatEnum} {
		first, _, _ := strings.Cut(schemas[name].Description, ".")
		schemas[name].Description = first + "." // the second sentence names a class of the contract's program
	}
}
