package audittest_test

import (
	"testing"

	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/audit/audittest"
)

func TestMemTrail(t *testing.T) {
	audittest.RunLog(t, func(*testing.T) audit.Log { return new(audittest.MemLog) })
}
