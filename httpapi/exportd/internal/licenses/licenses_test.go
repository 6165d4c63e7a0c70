package licenses_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/licenses"
)

var update = flag.Bool("update", false, "write notices.txt")

// TestNotices: the text is that of the modules that are linked today, and each has a
// licence of a kind that is known and may be used here.
func TestNotices(t *testing.T) {
	c := &collection{kinds: make(map[string][]string)}
	for _, system := range []string{"linux", "darwin", "windows"} {
		c.modules(t, system)
	}
	c.file(t, "Go", filepath.Join(goroot(t), "LICENSE"))
	c.file(t, "Go", filepath.Join(goroot(t), "PATENTS"))
	c.file(t, "Swagger UI, which is part of github.com/swaggest/swgui", "swagger-ui.NOTICE.txt")
	for name, kinds := range c.kinds {
		if len(kinds) == 0 {
			t.Errorf("%s has no licence of a known kind", name)
		}
	}
	if want := c.text(); *update {
		if err := os.WriteFile("notices.txt", []byte(want), 0o644); err != nil { //nolint:gosec // a file of the repository
			t.Fatal(err)
		}
	} else if licenses.Text() != want {
		t.Error("notices.txt is not what the modules have that are linked; run go test ./httpapi/exportd/internal/licenses -update")
	}
}

// collection is what is found in the module cache.
type collection struct {
	kinds map[string][]string // of licences, by whose they are
	texts []notice
}

// notice is one text.
type notice struct {
	text string
	of   []string
}

func goroot(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// modules adds what the program needs on a system: the files of each module, and those
// beside packages of it that come from others.
func (c *collection) modules(t *testing.T, system string) {
	t.Helper()
	const format = "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Dir}}\t{{$.Dir}}{{end}}{{end}}"
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", format, "github.com/orgexport/orgexport/httpapi/exportd")
	cmd.Env = append(os.Environ(), "GOOS="+system, "GOARCH="+runtime.GOARCH, "CGO_ENABLED=0", "GOFLAGS=")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if len(fields) != 3 {
			continue
		}
		module, top, dir := fields[0], fields[1], fields[2]
		if c.kinds[module] == nil {
			c.kinds[module] = []string{}
		}
		for ; len(dir) >= len(top); dir = filepath.Dir(dir) {
			c.folder(t, module, dir)
		}
	}
}

// isNotice matches the names of files that are to be passed on.
var isNotice = regexp.MustCompile(`(?i)^(licen[cs]e|notice|copying|copyright|patents)([-._].*)?$`)

// isCode matches names of those that are not.
var isCode = regexp.MustCompile(`(?i)\.(go|sh|tmpl|gotmpl|yml|yaml)$`)

func (c *collection) folder(t *testing.T, module, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if name := entry.Name(); !entry.IsDir() && isNotice.MatchString(name) && !isCode.MatchString(name) {
			c.file(t, module, filepath.Join(dir, name))
		}
	}
}

// file adds one file.
func (c *collection) file(t *testing.T, of, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(string(data), "\r\n", "\n"), "\uFFFD"))
	for _, kind := range kindsOf(text) {
		if !slices.Contains(c.kinds[of], kind) {
			c.kinds[of] = append(c.kinds[of], kind)
		}
	}
	at := slices.IndexFunc(c.texts, func(n notice) bool { return n.text == text })
	if at < 0 {
		at = len(c.texts)
		c.texts = append(c.texts, notice{text: text})
	}
	if !slices.Contains(c.texts[at].of, of) {
		c.texts[at].of = append(c.texts[at].of, of)
	}
}

// kindsOf returns which licences a text has, of those that may be used here. Notices and
// grants of patents are none.
func kindsOf(text string) (kinds []string) {
	text = strings.Join(strings.Fields(text), " ")
	for _, k := range []struct{ kind, phrase string }{
		{"Apache-2.0", `Apache License,? Version 2\.0`},
		{"BSD-3-Clause", `Redistribution and use in source and binary forms.*(Neither the name|The name of the author|names? of .* may not be used|may not be used to endorse)`},
		{"ISC", `Permission to use, copy, modify, and(/or)? distribute this software for any purpose`},
		{"MIT", `Permission is hereby granted, free of charge, to any person obtaining a copy`},
		{"MPL-2.0", `Mozilla Public License,? [Vv]ersion 2\.0`},
		{"public domain", `(dedicated to|placed in|placed into|in) the public domain`},
	} {
		if regexp.MustCompile(k.phrase).MatchString(text) {
			kinds = append(kinds, k.kind)
		}
	}
	if !slices.Contains(kinds, "BSD-3-Clause") && strings.Contains(text, "Redistribution and use in source and binary forms") {
		kinds = append(kinds, "BSD-2-Clause")
	}
	return kinds
}

// text is what is printed.
func (c *collection) text() string {
	var b strings.Builder
	b.WriteString("exportd is part of orgexport, under the Apache License 2.0, and built of the following.\n\n")
	for _, name := range sortedKeys(c.kinds) {
		slices.Sort(c.kinds[name])
		fmt.Fprintf(&b, "  %s: %s\n", name, strings.Join(c.kinds[name], ", "))
	}
	b.WriteString("\nThe source of each module is at https://pkg.go.dev/ and its name.\n")
	for i := range c.texts {
		slices.Sort(c.texts[i].of)
	}
	slices.SortFunc(c.texts, func(a, b notice) int {
		return cmp.Or(cmp.Compare(a.of[0], b.of[0]), cmp.Compare(a.text, b.text))
	})
	for _, n := range c.texts {
		fmt.Fprintf(&b, "\n%s\n%s\n\n%s\n", strings.Repeat("=", 80), strings.Join(n.of, "\n"), n.text)
	}
	return b.String()
}

func sortedKeys(m map[string][]string) (keys []string) {
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
