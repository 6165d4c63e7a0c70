package audittest_test

import (
	"testing"

	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/audit/audittest"
)

func TestMemTrail(t *testing.T) {
	audittest.RunTrail(t, func(*testing.T) audit.Trail { return new(audittest.MemTrail) })
}
