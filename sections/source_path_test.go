package sections

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/orgexport/orgexport/export"
)

func TestSourcePath(t *testing.T) {
	for text, want := range map[string]string{
		"a": "a", "/uploads/a.txt": "uploads/a.txt", "//a": "a", "./a": "a", "a//b": "a/b", "a/./b/": "a/b", "/": ".", ".": ".", "..a": "..a", "a/...": "a/...", `\a`: `\a`,
	} {
		if got, err := sourcePath(text); got != want || err != nil {
			t.Errorf("%q is %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"..", "../a", "a/..", "a/../b", "/../a"} {
		if got, err := sourcePath(text); !errors.Is(err, errLeadsOut) {
			t.Errorf("%q is %q, %v", text, got, err)
		}
	}
}

// FuzzSourcePath: whatever is in data, it is a path within the file system.
func FuzzSourcePath(f *testing.F) {
	for _, text := range []string{"/a", "a//../b", "./.", "a\\..\\b", "\xff", "a\x00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, err := sourcePath(text)
		if err != nil {
			return
		}
		f, _, err := openSource(fstest.MapFS{"a": {}}, name)
		if fs.ValidPath(name) != (err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, errFolder)) {
			t.Errorf("%q is %q: %v, %v", text, name, f, err)
		}
	})
}

func TestNotFound(t *testing.T) {
	files := fstest.MapFS{"uploads/my file.txt": {}, "uploads/e\u0301.txt": {}, "win/a.txt": {}, "Übung.txt": {}, "plain.txt": {}}
	for source, want := range map[string]string{
		"uploads/my%20file.txt":  "The file was not found. Its path is percent-encoded, and a file of the decoded path is there.",
		"/uploads/my%20file.txt": "The file was not found. Its path is percent-encoded, and a file of the decoded path is there.",
		`win\a.txt`:              "The file was not found. Its path has backslashes, and a file is there if they are slashes.",
		"uploads/\u00e9.txt":     "The file was not found. A file is there whose name differs only in upper and lower case, or in how accents are stored (NFC or NFD).",
		"übung.TXT":              "The file was not found. A file is there whose name differs only in upper and lower case, or in how accents are stored (NFC or NFD).",
		"uploads/100%.txt":       "The file was not found.",
		"%2e%2e/a":               "The file was not found.",
		"ö.txt":                  "The file was not found.",
		"none/ö.txt":             "The file was not found.",
	} {
		name, err := sourcePath(source)
		if err == nil {
			_, _, err = openSource(files, name)
		}
		if got := export.PublicText(err); got != want {
			t.Errorf("%q: %q, want %q", source, got, want)
		}
	}
}
