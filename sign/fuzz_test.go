package sign_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/sign"
)

// FuzzFilename looks for a file name that is signed but not served, or that
// breaks out of its header field.
func FuzzFilename(f *testing.F) {
	for _, name := range []string{filename, "Ü 50%.zip", `a"b;c=d`, "a+b&c=d?e#f", "~", "..a", "\u202egpj.zip", "\u2028"} {
		f.Add(name)
	}
	w := newWorld(f)
	links := newLinks(f, w.config)
	f.Fuzz(func(t *testing.T, name string) {
		l, err := links.Sign(t.Context(), objectKey, name, time.Hour)
		if err != nil {
			return
		}
		w.jobs.job.Filename = name
		rec := w.do(t, http.MethodHead, l.URL)
		if status := w.status(t, strings.TrimPrefix(l.URL, "http://example.com")); rec.Code != http.StatusOK || status != http.StatusOK {
			t.Fatalf("%q was signed and is answered with %d and %d", name, rec.Code, status)
		}
		for _, c := range []byte(rec.Header().Get("Content-Disposition")) {
			if c < ' ' || c > '~' {
				t.Fatalf("%q becomes %q", name, rec.Header().Get("Content-Disposition"))
			}
		}
	})
}

// FuzzReadKeys looks for a file of keys that panics, or whose error quotes it.
func FuzzReadKeys(f *testing.F) {
	line, err := sign.NewKeyLine("a", strings.NewReader(strings.Repeat("secret", 10)))
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{"", "#", line, line + "\n" + line, line + "\r\nb:QUJD", "a:b:c", "\xff", line[2:]} {
		f.Add([]byte(text))
	}
	c := newWorld(f).config
	f.Fuzz(func(t *testing.T, text []byte) {
		keyring, err := sign.ReadKeys("keys", bytes.NewReader(text))
		if err == nil {
			c.Keys = keyring
			newLinks(t, c)
			return
		}
		for field := range bytes.FieldsFuncSeq(text, func(r rune) bool { return r == '\n' || r == ':' }) {
			if len(field) > 20 && strings.Contains(err.Error(), string(field)) {
				t.Errorf("%q quotes %q", err, field)
			}
		}
	})
}
