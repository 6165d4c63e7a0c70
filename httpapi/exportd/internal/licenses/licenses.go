// Package licenses has the licences and notices of everything that exportd is built of:
// the modules that are linked into it on any system, Go itself, and what modules embed.
// The program carries them, so that whoever passes it on, alone or in an image, passes on
// these, too.
//
// They are collected from the module cache. After a change of dependencies run
//
//	go test ./httpapi/exportd/internal/licenses -update
package licenses

import _ "embed"

//go:embed notices.txt
var notices string

// Text returns all of them: first a list of what there is with the kinds of its licences,
// then the texts, each once with the names of those that it is of.
func Text() string { return notices }
