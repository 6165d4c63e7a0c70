package export

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxSafeElement is how many bytes [SafeElement] returns at most, so that templates can put
// something before and behind it.
const maxSafeElement = 200

// SafeElement returns any text as one element of a name that a [Sink] takes. Text that can be
// one as it is, and has 200 bytes at most, stays the same. In any other, what is forbidden
// becomes an underscore, and what is too much is cut; before the extension, which stays if it
// is one of letters and digits, it gets a tilde and ten digits of the text's SHA-256, so that
// different texts have different elements: a:b.txt becomes a_b~0e3d2b1c4f.txt.
func SafeElement(text string) string {
	if len(text) <= maxSafeElement && !strings.Contains(text, "/") && CheckName(text) == nil && !hashedElement.MatchString(text) {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	return repairedElement(text, "~"+hex.EncodeToString(sum[:5]), maxSafeElement)
}

// hashedElement is what SafeElement makes of text.
var hashedElement = regexp.MustCompile(`~[0-9a-f]{10}(\.[0-9A-Za-z]{1,16})?$`)

// repairedElement makes text an element that checkElement accepts, of so many bytes at most,
// with a mark before the extension.
func repairedElement(text, mark string, most int) string {
	clean := strings.Map(func(r rune) rune {
		if r == utf8.RuneError || r == '/' || forbiddenRune(r) != "" {
			return '_'
		}
		return r
	}, text)
	clean = strings.TrimRight(clean, ". ")
	stem, ext := splitExtension(clean)
	if stem == "" || isReserved(clean) {
		stem = "_" + stem
	}
	stem = cutText(stem, most-len(mark)-len(ext))
	if mark+ext == "" {
		stem = strings.TrimRight(stem, ". ") // of what was cut
	}
	if stem == "" {
		stem = "_"
	}
	if isReserved(stem + mark + ext) { // now that it is cut
		stem = "_" + cutText(stem, most-len(mark)-len(ext)-len("_"))
	}
	return stem + mark + ext
}

// splitExtension splits an element before an extension of letters and digits.
func splitExtension(element string) (stem, ext string) {
	ext = path.Ext(element)
	stem = strings.TrimSuffix(element, ext)
	const most = 16
	if stem == "" || len(ext) < 2 || len(ext) > 1+most {
		return element, ""
	}
	for i := 1; i < len(ext); i++ {
		switch c := ext[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		default:
			return element, ""
		}
	}
	return stem, ext
}

// cutText cuts text to so many bytes at most, at the end of a character.
func cutText(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:max(most, 0)]
}
