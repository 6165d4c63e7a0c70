package pgvalue

import (
	"reflect"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/export/record"
)

func row(names []string, values ...any) record.Row {
	return record.Row{Columns: names, Values: append([]any{}, values...)}
}

func TestNested(t *testing.T) {
	pair := []string{"a", "b"}
	composite := Composite(pair, []Decoder{BuiltIn("int4"), nil})
	for _, c := range []struct {
		decode Decoder
		text   string
		want   any
	}{
		{composite, "(1,a)", row(pair, BuiltIn("int4")("1"), "a")},
		{composite, `(,"")`, row(pair, nil, "")},
		{composite, `(,"a ""b"" \\ \"c, (d)")`, row(pair, nil, `a "b" \ "c, (d)`)},
		{composite, "(,)", row(pair, nil, nil)},
		{Composite([]string{"a"}, []Decoder{nil}), "()", row([]string{"a"}, nil)},
		{Composite(nil, nil), "()", row(nil)},
		{Array(',', composite), `{"(1,\"x y\")",NULL}`, []any{row(pair, BuiltIn("int4")("1"), "x y"), nil}},
		{HStore, "", row([]string{})},
		{HStore, `"a"=>"1", "b\"\\"=>NULL, ""=>"=>, \""`, row([]string{"a", `b"\`, ""}, "1", nil, `=>, "`)},

		// What is none of them stays text.
		{composite, "", ""}, {composite, "(", "("}, {composite, "(1)", "(1)"}, {composite, "(1,2,3)", "(1,2,3)"}, {composite, `(1,"a)`, `(1,"a)`}, {composite, `(1,"a"b)`, `(1,"a"b)`},
		{HStore, "a", "a"}, {HStore, `"a"`, `"a"`}, {HStore, `"a"=>`, `"a"=>`}, {HStore, `"a"=>1`, `"a"=>1`}, {HStore, `"a"=>"1" "b"=>"2"`, `"a"=>"1" "b"=>"2"`}, {HStore, `"a`, `"a`},
	} {
		if got := c.decode(c.text); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q becomes %#v, want %#v", c.text, got, c.want)
		}
	}
}

// What is quoted as PostgreSQL does comes back; other texts end no process.
func FuzzNested(f *testing.F) {
	f.Add("a", `b"\`)
	f.Add("", "NULL")
	f.Add("{(,", ")}=>")
	f.Fuzz(func(t *testing.T, a, b string) {
		doubled := strings.NewReplacer(`"`, `""`, `\`, `\\`)
		escaped := strings.NewReplacer(`"`, `\"`, `\`, `\\`)
		names := []string{"a", "b"}
		composite := Composite(names, []Decoder{nil, nil})
		for _, c := range []struct {
			decode Decoder
			text   string
			want   any
		}{
			{composite, `("` + doubled.Replace(a) + `","` + doubled.Replace(b) + `")`, row(names, a, b)},
			{Array(',', nil), `{"` + escaped.Replace(a) + `",{"` + escaped.Replace(b) + `"}}`, []any{a, []any{b}}},
			{HStore, `"` + escaped.Replace(a) + `"=>"` + escaped.Replace(b) + `", "n"=>NULL`, row([]string{a, "n"}, b, nil)},
		} {
			if got := c.decode(c.text); !reflect.DeepEqual(got, c.want) {
				t.Errorf("%q becomes %#v, want %#v", c.text, got, c.want)
			}
			c.decode(a)
			c.decode("[" + a + "=" + b)
		}
	})
}
