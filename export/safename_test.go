package export

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSafeElement(t *testing.T) {
	for text, want := range map[string]string{
		"a.txt": "a.txt", "Zoë's résumé.pdf": "Zoë's résumé.pdf", ".htaccess": ".htaccess",
		"a:b.txt": "a_b~*.txt", "a/b.tar.gz": "a_b.tar~*.gz", `..\..\x`: ".._.._x~*", "": "_~*", ".": "_~*", "..": "_~*", "con": "_con~*", "con.foo.txt": "_con.foo~*.txt", "NUL": "_NUL~*",
		"a. ": "a~*", "a.txt ": "a~*.txt", "a\x00b": "a_b~*", "\xff.txt": "_~*.txt", "photo\u202egpj.exe": "photo_gpj~*.exe", "a.not an ext?": "a.not an ext_~*",
		"_skipped.ndjson": "_skipped~*.ndjson", "a~0123456789.txt": "a~0123456789~*.txt", "?": "_~*",
		strings.Repeat("é", 150) + ".jpeg": strings.Repeat("é", 92) + "~*.jpeg",
	} {
		got := SafeElement(text)
		before, behind, hashed := strings.Cut(want, "*")
		ok := got == want
		if hashed {
			ok = strings.HasPrefix(got, before) && strings.HasSuffix(got, behind) && len(got) == len(want)-1+10
		}
		if !ok || CheckName(got) != nil {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// FuzzSafeElement: whatever the text is, it becomes a name, and no other text the same one.
func FuzzSafeElement(f *testing.F) {
	for _, text := range []string{"a", "a:b", "a_b", "CON.x.y", strings.Repeat("x", 300), "é\xff", "a~0123456789", " . ", "x.\u202e"} {
		f.Add(text, "a:b")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		one, other := SafeElement(a), SafeElement(b)
		if err := CheckName(one); err != nil || strings.Contains(one, "/") || len(one) > maxSafeElement || !utf8.ValidString(one) {
			t.Fatalf("%q becomes %q: %v", a, one, err)
		}
		if err := CheckName("1-" + one); err != nil {
			t.Fatal(err)
		}
		if a != b && one == other {
			t.Fatalf("%q and %q become %q", a, b, one)
		}
	})
}
