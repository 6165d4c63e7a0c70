package export

import (
	"io/fs"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/orgexport/orgexport/export/record"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// skippedFile is the engine's own file in a section's folder.
const skippedFile = "_skipped.ndjson"

const (
	maxElement = 255  // bytes of a path element, what file systems take
	maxPath    = 1024 // bytes of a name below the section's folder
)

// CheckName reports whether a section may write a file of that name, by the rules of
// [Sink]. The error is a [*NameError]. CheckName does not know the other names of the
// section: compare them by [FoldName].
func CheckName(name string) error {
	if isOwn(name) {
		return &NameError{name, "is used by the export itself"}
	}
	return checkName(name)
}

// isOwn reports whether a name is that of one of the engine's own files in a section's
// folder for some file system, or is in a folder of that name: the two could not be
// unpacked together.
func isOwn(name string) bool {
	if !strings.HasPrefix(name, "_") {
		return false
	}
	first, _, _ := strings.Cut(name, "/")
	folded := FoldName(first)
	return folded == skippedFile || folded == renamedFile || folded == notesFile
}

func checkName(name string) error {
	switch {
	case name == "":
		return &NameError{name, "is empty"}
	case len(name) > maxPath:
		return &NameError{name, "is longer than 1024 bytes"}
	case !utf8.ValidString(name):
		return &NameError{name, "is not valid UTF-8"}
	case name == "." || !fs.ValidPath(name):
		return &NameError{name, "is not a plain relative path"}
	}
	for element := range strings.SplitSeq(name, "/") {
		if reason := checkElement(element); reason != "" {
			return &NameError{name, reason}
		}
	}
	return nil
}

// checkElement returns what is wrong with a path element, for any system that
// the archive may be unpacked on.
func checkElement(element string) string {
	for _, r := range element {
		if reason := forbiddenRune(r); reason != "" {
			return reason
		}
	}
	switch last := element[len(element)-1]; {
	case last == '.' || last == ' ':
		return "has an element that ends in a dot or a space"
	case len(element) > maxElement:
		return "has an element longer than 255 bytes"
	case isReserved(element):
		return "has an element that Windows reserves"
	}
	return ""
}

// forbiddenRune returns why a character may not be in an element, or nothing if it may.
func forbiddenRune(r rune) string {
	switch {
	case unicode.IsControl(r):
		return "has a control character"
	case unicode.Is(unicode.Bidi_Control, r): // photo‹U+202E›gpj.exe looks like a picture
		return "has a character that changes the direction of text"
	case strings.ContainsRune(`\:*?"<>|`, r):
		return "has a character that some systems refuse: " + string(r)
	}
	return ""
}

// EncodingOf returns the encoding of a record file of that name: its extension
// picks it. The error is a [*NameError].
func EncodingOf(name string) (record.Encoding, error) {
	enc, ok := record.EncodingOf(name)
	if !ok {
		return "", &NameError{Name: name, Reason: "does not end in .yaml, .json, .ndjson or .csv"}
	}
	return enc, nil
}

// isReserved reports whether Windows takes the element for a device, with any
// extension.
func isReserved(element string) bool {
	stem, _, _ := strings.Cut(element, ".")
	stem = strings.ToUpper(strings.TrimRight(stem, " "))
	switch stem {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	for _, device := range []string{"COM", "LPT"} {
		if number, ok := strings.CutPrefix(stem, device); ok && strings.Contains("123456789¹²³", number) {
			return utf8.RuneCountInString(number) == 1
		}
	}
	return false
}

// FoldName returns the same text for all names that some file system takes for the
// same name: it normalizes to NFC and folds case.
func FoldName(name string) string {
	if isLowerASCII(name) {
		return name
	}
	return norm.NFC.String(cases.Fold().String(norm.NFC.String(name)))
}

func isLowerASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf || 'A' <= s[i] && s[i] <= 'Z' {
			return false
		}
	}
	return true
}

// cleanElement turns text into a part of a file name that needs no quoting
// anywhere: letters, digits, dots, hyphens and underscores.
func cleanElement(text string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-', r == '_', r == '.':
			return r
		}
		return '-'
	}, text)
	if len(clean) > 100 {
		clean = clean[:100]
	}
	return strings.Trim(clean, "-.")
}

// parents yields the folders of a name, outermost first.
func parents(name string) []string {
	var out []string
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		out = append([]string{dir}, out...)
	}
	return out
}
