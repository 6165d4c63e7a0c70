package sections

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strings"
	"text/template"

	"github.com/orgexport/orgexport/export"
)

// nameFunc is a function of templates.
type nameFunc struct {
	least, most int                           // arguments
	layout      bool                          // the first argument must be a text
	call        func(args []any) (any, error) // or nil for "and" and "or": see nameRun.logic
}

// nameFuncs are the functions of templates. Those that text/template has itself make text of
// null, too; here null is an error in each that makes text of a value.
var nameFuncs = map[string]nameFunc{
	"base":       one(base),
	"path":       one(keepSlashes),
	"safe":       one(safe),
	"html":       texts(template.HTMLEscaper),
	"js":         texts(template.JSEscaper),
	"urlquery":   texts(template.URLQueryEscaper),
	"print":      texts(fmt.Sprint),
	"println":    texts(fmt.Sprintln),
	"printf":     {1, math.MaxInt, true, func(args []any) (any, error) { return format(args[0].(string), args[1:]...) }},
	"len":        one(length),
	guardElement: one(element),
	guardText:    one(nameText),
	guardRenamed: one(renamedElement),

	"and":   {least: 1, most: math.MaxInt},
	"or":    {least: 1, most: math.MaxInt},
	"not":   one(func(v any) (bool, error) { return !truth(v), nil }),
	"index": {1, math.MaxInt, false, index},
	"slice": {1, math.MaxInt, false, slice},
	"call":  {1, math.MaxInt, false, func(args []any) (any, error) { return nil, fmt.Errorf("non-function of type %T", args[0]) }},
	"eq":    {1, math.MaxInt, false, equalsOne},
	"ne":    {2, 2, false, notEqual},
	"lt":    ordered(func(o order) bool { return o.less }),
	"le":    ordered(func(o order) bool { return o.less || o.equal }),
	"gt":    ordered(func(o order) bool { return !o.less && !o.equal }), // also of what is no number
	"ge":    ordered(func(o order) bool { return !o.less }),
}

func one[T any](f func(any) (T, error)) nameFunc {
	return nameFunc{1, 1, false, func(args []any) (any, error) { return f(args[0]) }}
}

func texts(f func(...any) string) nameFunc {
	return nameFunc{0, math.MaxInt, false, func(args []any) (any, error) { return ofValues(f)(args...) }}
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
