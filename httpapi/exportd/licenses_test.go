package main_test

import (
	"debug/buildinfo"
	"strings"
	"testing"
)

// TestLicenses: the program prints the licence of each module that it was built of.
func TestLicenses(t *testing.T) {
	info, err := buildinfo.ReadFile(exportd(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(info.Deps) < 50 {
		t.Fatalf("it is built of %d modules", len(info.Deps))
	}
	list, texts, ok := strings.Cut(string(command(t, t.TempDir(), exportd(t), "licenses")), "\n====")
	if !ok {
		t.Fatalf("it prints\n%.1000s", list)
	}
	for _, module := range info.Deps {
		if !strings.Contains(list, "\n  "+module.Path+": ") || !strings.Contains(texts, "\n"+module.Path+"\n") {
			t.Errorf("there is no licence of %s", module.Path)
		}
	}
	for _, text := range []string{"\n  Go: BSD-3-Clause\n", ", which is part of github.com/swaggest/swgui: Apache-2.0\n"} {
		if !strings.Contains(list, text) {
			t.Errorf("%q is not in\n%s", text, list)
		}
	}
}
