package export

import (
	"context"
	"errors"
)

// AbsentText is the public text of a section that an export asks for and that is not
// configured any more.
const AbsentText = "The section is not available any more."

// absent stands in for a section that an engine does not have.
type absent string

// Key implements [Section].
func (a absent) Key() string { return string(a) }

// Export implements [Section].
func (a absent) Export(context.Context, Scope, Sink) error {
	return WithPublic(errors.New("export: there is no such section in this configuration"), AbsentText)
}
