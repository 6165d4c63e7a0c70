// A module of its own, as the author of a section would publish it.
module github.com/orgexport/orgexport/examples/customsection

go 1.26.0

require github.com/orgexport/orgexport v0.0.0

require (
	github.com/klauspost/compress v1.20.3 // indirect
	go.yaml.in/yaml/v3 v3.0.6 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

// This example is tested with the code beside it. Yours has no replace: it
// requires a released version.
replace github.com/orgexport/orgexport => ../..
