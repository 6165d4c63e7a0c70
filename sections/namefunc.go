package sections

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"text/template"

	"github.com/orgexport/orgexport/export"
)

// nameFuncs are the functions of templates. Those that text/template has itself make text of
// null, too; here null is an error in each that makes text of a value.
func nameFuncs() template.FuncMap {
	return template.FuncMap{
		"base":       base,
		"path":       keepSlashes,
		"safe":       safe,
		"html":       ofValues(template.HTMLEscaper),
		"js":         ofValues(template.JSEscaper),
		"urlquery":   ofValues(template.URLQueryEscaper),
		"print":      ofValues(fmt.Sprint),
		"println":    ofValues(fmt.Sprintln),
		"printf":     format,
		"len":        length,
		guardElement: element,
		guardText:    nameText,
		guardRenamed: renamedElement,
	}
}

// ofValues returns a function that fails if one of its arguments is null.
func ofValues(text func(...any) string) func(...any) (string, error) {
	return func(args ...any) (string, error) {
		for _, arg := range args {
			if arg == nil {
				return "", errNoText
			}
		}
		return text(args...), nil
	}
}

func format(layout string, args ...any) (string, error) {
	return ofValues(func(args ...any) string { return fmt.Sprintf(layout, args...) })(args...)
}

// length is how many bytes a text has.
func length(v any) (int, error) {
	if v == nil {
		return 0, errNoText
	}
	switch v := reflect.ValueOf(v); v.Kind() {
	case reflect.String, reflect.Map:
		return v.Len(), nil
	default:
		return 0, fmt.Errorf("len of a value of type %s", v.Type())
	}
}

// safe returns a value as one element of a name, whatever it is: see [export.SafeElement].
func safe(v any) (string, error) {
	s, err := nameText(v)
	if err != nil {
		return "", err
	}
	return export.SafeElement(s), nil
}

// timeText is a date and time of day as a database or package record writes it.
var timeText = regexp.MustCompile(`^(\d{4,}-\d\d-\d\d)[T ](\d\d:\d\d(:\d\d(\.\d+)?)?( ?(Z|[+-]\d\d(:?\d\d(:\d\d)?)?))?( BC)?)$`)

// asNameTime returns a text that is a time as it stands in names, which have no colons:
// 2024-01-01 10:20:30Z becomes 2024-01-01T102030Z. Other texts stay as they are.
func asNameTime(text string) string {
	if !strings.Contains(text, ":") {
		return text
	}
	parts := timeText.FindStringSubmatch(text)
	if parts == nil {
		return text
	}
	return parts[1] + "T" + strings.ReplaceAll(parts[2], ":", "")
}
