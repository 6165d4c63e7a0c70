package cli

import (
	"fmt"
	"strings"
	"testing"
)

func TestTree(t *testing.T) {
	var tr tree
	for i := range 11 {
		tr.add([]string{"top", "many", fmt.Sprint(i)})
	}
	for i := range 10 {
		tr.add([]string{"top", "few", fmt.Sprint(i), "a"})
	}
	tr.add([]string{"top", "many", "11"})
	tr.add([]string{"top", "z"})
	want := "top/\n  many/\n    0\n    1\n    2\n    … 9 more\n  few/\n"
	for i := range 10 {
		want += fmt.Sprintf("    %d/\n      a\n", i)
	}
	want += "  z\n"
	if got := tr.String(); got != want {
		t.Errorf("tree is\n%s\nwant\n%s", got, want)
	}
	if got := new(tree).String(); got != "" {
		t.Errorf("empty tree is %q", got)
	}
}

func TestQuote(t *testing.T) {
	for word, want := range map[string]string{
		"a/B-1.tar.gz": "a/B-1.tar.gz",
		"my own":       "'my own'",
		"it's":         `'it'\''s'`,
		"$x":           "'$x'",
		"é":            "'é'",
	} {
		if got := quote(word); got != want {
			t.Errorf("quote(%q) is %s, want %s", word, got, want)
		}
	}
	if strings.Contains(self(), " ") {
		t.Errorf("self is %q", self())
	}
}
