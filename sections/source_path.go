package sections

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/orgexport/orgexport/export"
)

var (
	errNoPath   = export.WithPublic(fileError("sections: the path of a file is empty"), "The path of the file is empty.")
	errLeadsOut = export.WithPublic(fileError("sections: the path of a file has .. in it"), "The path of the file has .. in it, which is not allowed.")
)

// sourcePath returns the path of an [io/fs.FS] that a path in data means. A slash at its
// beginning is the folder itself, as in the path of an URL, and a dot or nothing between
// slashes is no folder. Two dots are an error: they are never needed within the folder.
func sourcePath(text string) (string, error) {
	if text == "" {
		return "", errNoPath
	}
	var elements []string
	for element := range strings.SplitSeq(text, "/") {
		switch element {
		case "", ".":
		case "..":
			return "", errLeadsOut
		default:
			elements = append(elements, element)
		}
	}
	if len(elements) == 0 {
		return ".", nil // a folder, which whoever opens it notices
	}
	return strings.Join(elements, "/"), nil
}

// hint returns what a customer may want to know of a file that was not found, or nothing.
func hint(fsys fs.FS, name string) string {
	isThere := func(name string) bool {
		info, err := fs.Stat(fsys, name)
		return fs.ValidPath(name) && err == nil && info.Mode().IsRegular()
	}
	if decoded, err := url.PathUnescape(name); err == nil && decoded != name && isThere(decoded) {
		return "Its path is percent-encoded, and a file of the decoded path is there."
	}
	if slashed := strings.Trim(strings.ReplaceAll(name, `\`, "/"), "/"); strings.Contains(name, `\`) && isThere(slashed) {
		return "Its path has backslashes, and a file is there if they are slashes."
	}
	if hasNamesake(fsys, name) {
		return "A file is there whose name differs only in upper and lower case, or in how accents are stored (NFC or NFD)."
	}
	return ""
}

// mostNamesakes is in how many files of a folder a namesake is looked for.
const mostNamesakes = 1000

// hasNamesake reports whether the folder of a file has one whose name some system takes for
// the same. It looks for those of names that are not ASCII.
func hasNamesake(fsys fs.FS, name string) bool {
	if strings.IndexFunc(name, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 {
		return false
	}
	f, err := fsys.Open(path.Dir(name))
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }() // it was only read
	folder, ok := f.(fs.ReadDirFile)
	if !ok {
		return false
	}
	entries, err := folder.ReadDir(mostNamesakes)
	if err != nil && !errors.Is(err, io.EOF) {
		return false
	}
	want := export.FoldName(path.Base(name))
	for _, entry := range entries {
		if export.FoldName(entry.Name()) == want {
			return true
		}
	}
	return false
}

// notFound returns the error of a file that was not found, with a public text that says
// why, as far as that can be told.
func notFound(fsys fs.FS, name string, err error) error {
	text := "The file was not found."
	if why := hint(fsys, name); why != "" {
		text += " " + why
	}
	return export.WithPublic(fmt.Errorf("sections: %w", err), text)
}
