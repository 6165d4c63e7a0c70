package config_test

import (
	"testing"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
)

// That its queries are right is shown by exportd demo, which uses it.
func TestStarter(t *testing.T) {
	c, _, err := load(t, config.Starter())
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Sections) != 4 || c.Prefix.Value != "export" {
		t.Errorf("starter is %+v", c)
	}
}
