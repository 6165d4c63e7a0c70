package sign

import (
	"reflect"
	"testing"

	"github.com/orgexport/orgexport/export/access"
)

// FuzzHolder looks for text that is read as a principal whose own text is another one, and
// for a link whose parser fails or reads two spellings.
func FuzzHolder(f *testing.F) {
	for _, text := range []string{`["key:1","org","manager",""]`, `["","","","ann|x"]`, `[]`, `["a","b","c","d","e"]`, `["a","b","c","d"] `, `["\u003c","","",""]`, `["<","","",""]`, "\xff", `null`} {
		f.Add([]byte(text), "expires=1&for=QUJD&kid=a&signature=QUJD")
	}
	f.Fuzz(func(t *testing.T, text []byte, query string) {
		if p, err := parseHolder(text); err == nil {
			again, err := holderText(p)
			if err != nil || string(again) != string(text) {
				t.Errorf("%q is read as %+v, whose text is %q, %v", text, p, again, err)
			}
		}
		const path = "/o/j/1.zip/a.zip"
		l, err := parseLink(path, query)
		if err != nil {
			return
		}
		if l.query() != query || l.path() != path {
			t.Errorf("%q is read, and written as %q", query, l.query())
		}
		key := Key{ID: "a", Secret: make([]byte, 32)}
		if p, err := key.open(l); err == nil {
			t.Errorf("a holder that nobody sealed is %+v", p)
		}
		p := access.Principal{Name: query, Subject: string(text)}
		plain, err := holderText(p)
		if err != nil {
			return
		}
		if l.holder, err = key.seal(l, plain); err != nil {
			t.Fatal(err)
		}
		want, err := parseHolder(plain)
		if err != nil {
			return // it is not UTF-8
		}
		if got, err := key.open(l); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v is sealed and opened as %+v, %v", want, got, err)
		}
		l.expires++
		if got, err := key.open(l); err == nil {
			t.Errorf("the holder of another link is %+v", got)
		}
	})
}
