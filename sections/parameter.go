package sections

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/internal/uuidtext"
)

// parameter is the name of a parameter of a query. They are the id of the organization, in
// the forms by which products know their organizations.
type parameter string

const (
	idParameter     parameter = "organization_id"
	uuidParameter   parameter = "organization_uuid"
	numberParameter parameter = "organization_number"
)

// parameterNames is how errors name them.
const parameterNames = ":organization_id, :organization_uuid and :organization_number"

func (p parameter) known() bool {
	return p == idParameter || p == uuidParameter || p == numberParameter
}

// numbered returns the parameter with that number in a dialect. PostgreSQL takes a number
// for one of the type of the column beside it, and refuses one that is too large for that.
func (p parameter) numbered(d Dialect, number int) string {
	if d == Postgres && p == numberParameter {
		return "(" + d.placeholder(number) + "::pg_catalog.int8)"
	}
	return d.placeholder(number)
}

// placeholder returns what stands for the parameter with that number.
func (d Dialect) placeholder(number int) string {
	if d == SQLite {
		return "?" + strconv.Itoa(number)
	}
	return "$" + strconv.Itoa(number)
}

// value returns the value of the parameter for an organization. The error matches
// [export.ErrNotFound] if no organization that is known in this form can have the id.
func (p parameter) value(organizationID string) (any, error) {
	switch p {
	case uuidParameter:
		if uuid, ok := export.DecodeID(organizationID); ok {
			return uuidtext.Format(uuid), nil
		}
		return nil, fmt.Errorf("the organization's id is that of no UUID: %w", export.ErrNotFound)
	case numberParameter:
		if n, ok := export.DecodeNumber(organizationID); ok {
			return n, nil
		}
		return nil, fmt.Errorf("the organization's id is that of no number: %w", export.ErrNotFound)
	}
	return organizationID, nil
}

var errNoParameter = errors.New("does not use :organization_id, :organization_uuid or :organization_number, and is not shared")
