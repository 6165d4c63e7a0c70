package jobstest

import (
	"context"
	"fmt"

	"github.com/orgexport/orgexport/export"
)

// MemOrganizations is a [jobs.Organizations] in memory, for tests. Its keys are the
// ids. It is safe for concurrent use as long as nobody writes the map.
type MemOrganizations map[string]export.Organization

// Get implements [jobs.Organizations].
func (m MemOrganizations) Get(ctx context.Context, id string) (export.Organization, error) {
	if ctx.Err() != nil {
		return export.Organization{}, context.Cause(ctx)
	}
	o, ok := m[id]
	if !ok {
		return export.Organization{}, fmt.Errorf("%w: organization %s", export.ErrNotFound, id)
	}
	return o, nil
}
