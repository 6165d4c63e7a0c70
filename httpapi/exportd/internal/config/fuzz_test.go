package config_test

import (
	"testing"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
)

func FuzzLoad(f *testing.F) {
	f.Add(catalogue)
	f.Add(config.Reference())
	f.Add(head + "sections: &a [*a]\n")
	f.Add("? [a]\n: b\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, _, err := load(t, text)
		if err != nil {
			return
		}
		if c.Database.Line == 0 || c.Organization.Line == 0 || len(c.Sections) == 0 {
			t.Errorf("%+v is not complete", c)
		}
	})
}
