package cli_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestRunStatus: the status of a run tells whether its archive is complete, and the last
// line names the sections that are not.
func TestRunStatus(t *testing.T) {
	t.Parallel()
	another := strings.Replace(brokenSection, "key: broken", "key: another", 1)
	required := strings.Replace(brokenSection, "key: broken", "key: broken\n    required: true", 1)
	missing := func(t *testing.T, dir string) {
		execute(t, dir, "INSERT INTO assets VALUES (3, '"+acme+"', 'p1', 'none.png')")
	}
	for _, c := range []struct {
		name     string
		sections []string
		prepare  func(t *testing.T, dir string)
		flags    []string
		status   int
		last     string // line of standard error
	}{
		{name: "all ok", sections: []string{organizationSection, productsSection}},
		{name: "one empty", sections: []string{organizationSection, productsSection}, flags: []string{"--organization", empty}},
		{name: "an item skipped", sections: []string{organizationSection, productsSection}, prepare: missing, status: 3,
			last: "exportd: the archive is incomplete: 1 of 2 sections: products (partial)"},
		{name: "one failed", sections: []string{organizationSection, brokenSection}, status: 3,
			last: "exportd: the archive is incomplete: 1 of 2 sections: broken (error)"},
		{name: "all failed", sections: []string{brokenSection, another}, status: 3,
			last: "exportd: the archive is incomplete: 2 of 2 sections: broken (error), another (error)"},
		{name: "a required one failed", sections: []string{organizationSection, required}, status: 1,
			last: `exportd: section "broken": export: required section "broken": error`},
		{name: "accepted", sections: []string{brokenSection, productsSection}, prepare: missing, flags: []string{"--allow-partial"},
			last: `exportd: warning: section "products" is incomplete (partial): 1 item was skipped; it is listed in products/_skipped.ndjson.`},
		{name: "none accepted", sections: []string{organizationSection, required}, flags: []string{"--allow-partial"}, status: 1,
			last: `exportd: section "broken": export: required section "broken": error`},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := shop(t, c.sections...)
			if c.prepare != nil {
				c.prepare(t, dir)
			}
			o := run(t, dir, append([]string{"--out", "out/a.zip"}, c.flags...)...)
			lines := strings.Split(strings.TrimSuffix(o.stderr, "\n"), "\n")
			if last := lines[len(lines)-1]; o.status != c.status || last != c.last {
				t.Errorf("status %d, standard error\n%s\nwant %d and at its end\n%s", o.status, o.stderr, c.status, c.last)
			}
			files := filesOf(t, filepath.Join(dir, "out"))
			if made := len(files) == 1; made != (c.status != 1) {
				t.Errorf("the folder has %q", files)
			}
		})
	}
}
