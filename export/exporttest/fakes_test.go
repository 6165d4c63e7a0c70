package exporttest_test

import (
	"testing"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/exporttest"
)

func TestMemSpool(t *testing.T) {
	exporttest.RunSpool(t, func(*testing.T) export.Spool { return new(exporttest.MemSpool) })
}

func TestTempSpool(t *testing.T) {
	exporttest.RunSpool(t, func(t *testing.T) export.Spool { return export.NewTempSpool(t.TempDir()) })
}
