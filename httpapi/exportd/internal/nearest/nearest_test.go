package nearest_test

import (
	"testing"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/nearest"
)

func TestOf(t *testing.T) {
	names := []string{"assets", "each", "file", "key", "records", "required", "sql", "timeout", "verify"}
	for word, want := range map[string]string{
		"recrods": "records", "record": "records", "requierd": "required", "verfy": "verify", "fiel": "file", "sqll": "sql", "Key": "key", "qsl": "sql",
		"timeoout": "timeout", "asets": "assets", "rows": "", "": "", "x": "", "colour": "", "keys": "key", "ähnlich": "",
	} {
		if got := nearest.Of(word, names); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
	if got := nearest.Of("a", nil); got != "" {
		t.Errorf("of nothing it is %q", got)
	}
}
