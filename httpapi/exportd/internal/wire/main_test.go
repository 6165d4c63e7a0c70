package wire_test

import (
	"testing"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/demo"
	"github.com/orgexport/orgexport/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// demoConfig is the configuration of the demo in a folder of its own, without
// limits.
func demoConfig(t testing.TB) *config.Config {
	t.Helper()
	folder := t.TempDir()
	file, err := demo.Config(t.Context(), folder, config.Starter())
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.LoadDemo(file, folder)
	if err != nil {
		t.Fatal(err)
	}
	c.Limits = config.Limits{PerMinute: 1 << 30, PerDay: 1 << 30} // it is not they that are tested
	return c
}
