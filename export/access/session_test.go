package access_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/access"
)

func TestNewSessionText(t *testing.T) {
	seen := make(map[string]bool)
	for range 100 {
		text, err := access.NewSessionText(rand.Reader)
		if err != nil || !access.ValidSession(text) || len(text) != 43 || seen[text] {
			t.Fatalf("the text is %q, %v", text, err)
		}
		if strings.Trim(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_") != "" {
			t.Errorf("%q has to be quoted in a cookie", text)
		}
		seen[text] = true
	}
	if text, err := access.NewSessionText(bytes.NewReader(make([]byte, 31))); !errors.Is(err, io.ErrUnexpectedEOF) || text != "" {
		t.Errorf("without enough random bytes the text is %q, %v", text, err)
	}
}

func TestValidSession(t *testing.T) {
	good := strings.Repeat("A", 42)
	for text, want := range map[string]bool{
		good + "A":                         true,
		good + "g":                         true,
		good[1:] + "-_":                    false, // the last one has bits that no byte has
		good[2:] + "-_8":                   true,
		good + "B":                         false, // another text of the same bytes
		good:                               false,
		good + "AA":                        false,
		good + "A=":                        false,
		good + "A\n":                       false,
		"\n" + good + "A":                  false,
		good[:20] + "\n" + good[:22] + "A": false,
		good[1:] + "+/"[:1] + "A":          false,
		good[1:] + "éA":                    false,
		"":                                 false,
		strings.Repeat("A", 1<<20):         false,
	} {
		if got := access.ValidSession(text); got != want {
			t.Errorf("ValidSession(%.60q) is %t, want %t", text, got, want)
		}
	}
}

// FuzzValidSession: what is valid is made of letters that a cookie may have, and
// no two texts are of the same bytes.
func FuzzValidSession(f *testing.F) {
	for _, text := range []string{"", strings.Repeat("A", 43), strings.Repeat("A", 42) + "B", strings.Repeat("A", 42) + "\n", "a b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		valid := access.ValidSession(text)
		if !valid {
			return
		}
		const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		if len(text) != 43 || strings.Trim(text, letters) != "" || strings.IndexByte(letters, text[42])%4 != 0 {
			t.Errorf("%q is valid", text)
		}
	})
}

func TestSession(t *testing.T) {
	end := time.Date(2026, 6, 26, 21, 0, 0, 0, time.UTC)
	s := access.Session{ID: "id", Subject: "ann", ExpiresAt: end}
	for at, want := range map[time.Time]bool{end.Add(-time.Millisecond): true, end: false, end.Add(time.Hour): false} {
		if got := s.Active(at); got != want {
			t.Errorf("at %v the session is active: %t, want %t", at, got, want)
		}
	}
	if (access.Session{}).Active(end) {
		t.Error("no session is active")
	}
	if got, want := s.Principal(), (access.Principal{Name: "session:id", Subject: "ann"}); got != want {
		t.Errorf("it is of %+v, want %+v", got, want)
	}
}
