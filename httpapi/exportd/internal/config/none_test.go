package config_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
)

// TestNone: "none" works wherever the reference says so, and nowhere else.
func TestNone(t *testing.T) {
	limit := regexp.MustCompile(`^(\s*(?:- )?\w+: )([0-9]+[a-zA-Z]*)(\s*#.*)?$`)
	lines := strings.Split(config.Reference(), "\n")
	works := 0
	for i, line := range lines {
		m := limit.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		changed := append([]string(nil), lines...)
		changed[i] = m[1] + "none"
		_, _, err := load(t, strings.Join(changed, "\n"))
		if want := strings.Contains(m[3], `"none"`); want != (err == nil) {
			t.Errorf("line %d, %q: with none the error is %v", i+1, line, err)
		} else if want {
			works++
		}
		var problems config.FileErrors
		if err != nil && (!errors.As(err, &problems) || len(problems) != 1 || problems[0].Line != i+1 || !strings.Contains(problems[0].Message, `"none" must be`)) {
			t.Errorf("line %d, %q: with none the error is %v", i+1, line, err)
		}
	}
	if works < 12 {
		t.Errorf("none works for %d keys: are lines still found?", works)
	}
}
