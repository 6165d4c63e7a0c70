package config_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
)

// The folder that is opened ends before the first element with a template.
func TestFrom(t *testing.T) {
	for from, want := range map[string][2]string{
		"dir:files":                                    {"files", ""},
		"dir:files/{{.organization_id}}":               {"files", "{{.organization_id}}"},
		"dir:{{.organization_id}}":                     {"", "{{.organization_id}}"},
		"dir:a/b/of-{{.organization_slug}}/c":          {"a/b", "of-{{.organization_slug}}/c"},
		"dir:./{{.organization_id}}":                   {"", "{{.organization_id}}"},
		"dir:a/{{ printf \"%s/x\" .organization_id }}": {"a", "{{ printf \"%s/x\" .organization_id }}"},
	} {
		text := strings.Replace(config.Reference(), `"dir:files/{{.organization_id}}"`, "'"+from+"'", 1)
		c, dir, err := load(t, text)
		if err != nil {
			t.Fatal(err)
		}
		a := c.Sections[1].Assets[0]
		if a.Folder.Value != filepath.Join(dir, want[0]) || a.Within != want[1] || a.Folder.Line == 0 || !a.KeepTime {
			t.Errorf("%s: %+v", from, a)
		}
	}
}
