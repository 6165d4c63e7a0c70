package sections

import "strings"

// nameTemplates are templates of all that they may have.
func nameTemplates() []string {
	all := append(sampleTemplates(), deepTemplates()...)
	operands := []string{".", "$", "nil", "true", "false", "0", "1", "-1", "1.5", "1i", `"a"`, `""`, "'a'", ".id", ".n", ".none", ".empty", ".list", ".map", ".row", ".struct", ".u", ".small",
		".f", ".f32", ".nan", ".ptr", ".nilptr", ".nillist", ".missing", ".array", ".texts", "(index .nan 0)", "(path .id)"}
	for _, a := range operands {
		for _, f := range []string{"", "not", "len", "print", "println", "html", "js", "urlquery", "printf", "base", "path", "safe", "index", "slice", "eq", "lt", "and", "or", "call", "_element"} {
			all = append(all, "{{"+f+" "+a+"}}", "{{"+a+" | "+f+"}}")
		}
		all = append(all, "{{if "+a+"}}x{{else}}y{{end}}", "{{with "+a+"}}{{print .}}{{else}}y{{end}}", "{{range "+a+"}}({{with .}}{{.}}{{end}}){{break}}{{else}}y{{end}}",
			"{{range $k, $v := "+a+"}}({{with $k}}{{.}}{{end}}={{with $v}}{{.}}{{end}}){{else}}y{{end}}", "{{("+a+").x}}", "{{$x := "+a+"}}{{with $x}}{{.}}{{end}}")
		for _, b := range operands {
			for _, f := range []string{"eq", "ne", "lt", "le", "gt", "ge", "index", "slice", "print", "and", "or", "printf"} {
				all = append(all, "{{"+f+" "+a+" "+b+"}}", "{{"+b+" | "+f+" "+a+"}}")
			}
		}
	}
	return all
}

// deepTemplates nest, more than a parser takes among them.
func deepTemplates() []string {
	var all []string
	for _, n := range []int{3, 100, 10_001} {
		all = append(all, "{{"+strings.Repeat("(", n)+".id"+strings.Repeat(")", n)+"}}")
	}
	chain := strings.Repeat("(", 60) + "$.map" + strings.Repeat(".c)", 1) + strings.Repeat(")", 59) + ".d.e"
	return append(all, "{{"+chain+"}}", strings.Repeat("{{if .id}}", 300)+"{{.id}}"+strings.Repeat("{{end}}", 300),
		strings.Repeat("{{with .id}}", 300)+"{{.}}"+strings.Repeat("{{end}}", 300), "{{if .none}}"+strings.Repeat("{{else if .none}}", 300)+"{{else}}x{{end}}",
		strings.Repeat("{{range 1}}", 100)+"x{{break}}"+strings.Repeat("{{end}}", 100))
}

func sampleTemplates() []string {
	return strings.Split(strings.TrimSpace(samples), "\n")
}

const samples = `
plain.yaml
{{.id}}/product.yaml
{{.id}}-{{.n}}-{{.ok}}
{{- .id -}}  x  {{- .n }} y
{{/* a comment */}}x{{- /* one more */ -}} y
{{/* only */}}
{{"quoted"}}{{` + "`raw\\n`" + `}}{{'x'}}{{"\u00e9\x41"}}
{{1}}{{-1}}{{+1}}{{0x1F}}{{0b11}}{{0o17}}{{017}}{{1_000}}{{1e3}}{{1.5e-3}}{{0x1p4}}{{-0x1e}}{{+0x1e}}{{0x1e}}{{-0}}
{{9223372036854775807}}
{{9223372036854775808}}
{{18446744073709551615}}
{{18446744073709551616}}
{{-9223372036854775808}}
{{-9223372036854775809}}
{{0xFFFFFFFFFFFFFFFF}}
{{1e400}}
{{printf "%T %T %T %T %T %T %T %T" 0x1e -0x1e 0xE 'e' 1e3 0x1p4 1_0 0i}}
{{printf "%T %T %T %T" .n .id (index .id 0) (len .id)}}{{range 2}}{{printf "%T" .}}{{end}}{{range .n}}{{printf "%T" .}}{{end}}
{{1e30}}{{1E2}}{{.5}}
{{1i}}{{2.5i}}{{1+2i}}{{0i}}
{{nil}}
{{nil | print}}
{{print nil}}
{{true}}{{false}}
{{.}}
{{$}}
{{printf "%v" .}}
{{.missing}}
{{if .missing}}x{{end}}
{{index . "missing"}}
{{if index . "missing"}}x{{else}}y{{end}}
{{index . "unit price"}}
{{index . "zoë"}}{{.zoë}}
{{index .}}
{{index}}
{{slice}}
{{and}}
{{or}}
{{not}}
{{eq}}
{{eq 1}}
{{ne 1}}
{{ne 1 2 3}}
{{lt 1 2 3}}
{{call}}
{{call .id}}
{{call print .id}}
{{html}}{{js}}{{urlquery}}{{print}}x{{println}}
{{printf}}
{{printf "x"}}
{{printf .id}}
{{printf .n .id}}
{{printf (path .id)}}
{{printf .n (print .none)}}
{{printf "%s" (print .none) .missing}}
{{printf "%s" .missing (print .none)}}
{{printf "%d|%5d|%-5d|%05d|%x|%o|%b|%c|%q|%U|%+d" .n .n .n .n .n .n .n .n .n .n .n}}
{{printf "%s|%q|%10s|%-10s|%.1s|%x|%X|% x|%v|%+v|%#v|%T" .id .id .id .id .id .id .id .id .id .id .id .id}}
{{printf "%t|%v|%d" .ok .ok .ok}}
{{printf "%f|%e|%g|%6.2f" 1.5 1.5 1.5 1.5}}
{{printf "%[2]s %[1]s" .id .path}}
{{printf "%*d" 5 .n}}
{{printf "%d%%" .n}}
{{printf "%d"}}
{{printf "%z" .n}}
{{printf "%s" .n .id}}
{{.id | printf "%s-%s" "x"}}
{{"%s" | printf}}
{{.n | printf "%03d" | printf "%s.txt"}}
{{print .id .n}}{{print .n .n}}{{print .id .id}}{{println .n .id}}
{{html .text}}{{js .text}}{{urlquery .text}}
{{html .text .n}}{{js .text .n}}{{urlquery .text .n 1 2}}
{{html .bad}}{{js .bad}}{{urlquery .bad}}{{.bad}}{{len .bad}}{{slice .bad 1 2}}
{{html .ptr}}{{js .ptr}}{{print .ptr .nilptr}}
{{html .nilptr}}
{{.text}}
{{.path}}
{{.win}}
{{base .path}}{{base .win}}{{base .n}}{{base .empty}}
{{path .path}}
{{path .path | print}}
{{slice (path .path) 0 5}}
{{with path .path}}{{.}}{{end}}
{{$x := path .path}}{{$x}}
{{if eq (path .path) .path}}x{{end}}
{{safe .path}}{{safe .text}}{{safe .n}}
{{len .id}}{{len .path}}{{len .empty}}
{{len .n}}
{{len .map}}
{{len .list}}
{{len}}
{{len .id .id}}
{{.id.x}}
{{.n.x}}
{{.none.x}}
{{.map.a}}{{.map.b}}{{.map.c.d.e}}
{{.map.c.x}}
{{.map.c.d.e.f}}
{{.map.none.x}}
{{$.map.c.d.e}}
{{$.id}}{{$.none}}
{{(.map).c.d.e}}{{(.map.c).d.e}}{{((.map).c).d.e}}
{{(index .map "c").d.e}}
{{(index .list 4).k}}
{{(print .none).x}}
{{(print .none).x .id}}
{{(print .id).x .id}}
{{.id | (print .id).x}}
{{.id .n}}
{{.map.a .n}}
{{.id | .n}}
{{.id | $}}
{{$ .id}}
{{$.id .n}}
{{(.id) .n}}
{{.id | (print .n)}}
{{"a" .n}}
{{1 .n}}
{{. .n}}
{{true .n}}
{{print | print}}
{{print print}}
{{print (html)}}
{{.id | print "x" | print "y"}}
{{.row.Columns}}{{index .row.Values 0}}
{{.row.c}}
{{.struct.Name}}
{{.struct.none}}
{{.struct.Sub.Name}}
{{.struct.Missing}}
{{range $k, $v := .map}}{{$k}},{{end}}
{{range .map}}x{{end}}
{{range $v := .map.c}}{{$v.e}}{{end}}
{{range $k, $v := .byNumber}}{{$k}}={{$v}},{{end}}
{{range $k, $v := .byAny}}{{$k}}={{with $v}}{{.}}{{end}},{{end}}
{{range $k, $v := .byBool}}{{$k}}={{$v}},{{end}}
{{range $k, $v := .byFloat}}{{$k}}={{$v}},{{end}}
{{range $i, $v := .texts}}{{$i}}:{{base $v}};{{end}}
{{range $i, $v := .numbers}}{{$i}}:{{$v}};{{end}}
{{range $i, $v := .array}}{{$i}}:{{$v}};{{end}}
{{range .numbers}}{{.}}{{else}}none{{end}}
{{range .list}}{{if .}}{{.}}{{end}}{{end}}
{{range .list}}{{.}}{{end}}
{{range .nillist}}x{{else}}y{{end}}
{{range .none}}x{{else}}y{{end}}
{{range .empty}}x{{else}}y{{end}}
{{range .id}}x{{end}}
{{range .ok}}x{{end}}
{{range .f}}x{{end}}
{{range nil}}x{{end}}
{{range 3}}{{.}}{{end}}{{range 0}}x{{else}}y{{end}}{{range -3}}x{{else}}y{{end}}
{{range .n}}{{.}}{{end}}{{range .minus}}x{{else}}y{{end}}
{{range .small}}{{.}}{{printf "%T" .}}{{end}}
{{range $i := 3}}{{$i}}{{end}}
{{range $i, $j := 3}}{{$i}}{{end}}
{{range $i, $j := 0}}x{{else}}y{{end}}
{{range $i := 3}}{{if eq $i 1}}{{continue}}{{end}}{{$i}}{{end}}
{{range $i := 9}}{{if eq $i 3}}{{break}}{{end}}{{$i}}{{end}}
{{range 3}}{{range 3}}{{if .}}{{break}}{{end}}{{.}}{{end}}|{{end}}
{{range 3}}{{range 3}}{{if .}}{{continue}}{{end}}{{.}}{{end}}|{{end}}
{{range 3}}a{{range 0}}{{else}}b{{break}}c{{end}}d{{end}}
{{range 3}}a{{range 0}}{{else}}b{{continue}}c{{end}}d{{end}}
{{range 3}}{{with .}}{{break}}{{end}}x{{end}}
{{range 3}}{{with $y := .}}{{continue}}{{end}}x{{end}}
{{$x := 1}}{{range 3}}{{$x = .}}{{end}}{{$x}}
{{$x := 1}}{{range 3}}{{$x := .}}{{end}}{{$x}}
{{$x := 1}}{{range $x = .numbers}}{{$x}}{{end}}{{$x}}
{{$x := 1}}{{$y := 2}}{{range $x, $y = .numbers}}{{$x}}{{$y}}{{end}}{{$x}}{{$y}}
{{$x := 1}}{{range $x = 0}}{{end}}{{$x}}
{{$x := 1}}{{range $x, $x = .numbers}}{{end}}{{$x}}
{{range $x, $x := .numbers}}{{$x}}{{end}}
{{range $x := ($y := .numbers)}}{{$x}}{{$y}}{{end}}
{{$x := ""}}{{range 5}}{{$x = print $x $x .}}{{end}}{{$x}}
{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}
{{$x := 1}}{{if true}}{{$x := 2}}{{end}}{{$x}}
{{if $x := .id}}{{$x}}{{else}}{{$x}}{{end}}
{{with $x := .id}}{{$x}}{{.}}{{end}}
{{with $x := .none}}{{else}}{{print $x}}{{end}}
{{$x := .id}}{{$x := .n}}{{$x}}
{{$x}}
{{$x = 1}}
{{$x := .id}}{{$x.y}}
{{$x := .map}}{{$x.c.d.e}}{{$x.a}}
{{$x := .none}}{{if $x}}x{{end}}{{urlquery $x}}
{{if or .id ($x := 1)}}{{$x}}{{end}}
{{if or .id ($x := 1)}}{{$x = 2}}{{end}}
{{if and .id ($x := 1)}}{{$x}}{{end}}
{{$x := 1}}{{if ($x = 2)}}{{$x}}{{end}}
{{if .id}}a{{else if .n}}b{{else}}c{{end}}
{{if .none}}a{{else if .n}}b{{else}}c{{end}}
{{if .none}}a{{else if .empty}}b{{else}}c{{end}}
{{with .none}}a{{else with .n}}{{.}}{{else}}c{{end}}
{{with .map}}{{.a}}{{with .c}}{{.d.e}}{{$.id}}{{end}}{{end}}
{{with .id}}{{urlquery $.none}}{{end}}
{{if not .none}}x{{end}}{{if not .id}}y{{end}}
{{and .id .n}}
{{and .none (print .none)}}
{{and .id (print .none)}}
{{or .none .id}}
{{or .id (print .none)}}
{{or .none (print .none)}}
{{or .id .missing}}
{{.none | or .id}}
{{.none | and .id | print}}
{{.none | or .none}}
{{.id | and}}
{{or false 0 "" nil .id}}
{{and true 1 "x" .id}}
{{or nil}}
{{if and .ok (eq .n 7)}}x{{end}}
{{if or (lt .n 7) (gt .n 6)}}x{{end}}
{{eq .id "a1"}}{{ne .id "a1"}}{{eq .id "x" "y" "a1"}}
{{eq .n 7}}{{eq 7 .n}}{{lt .n 8}}{{le .n 7}}{{gt .n 6}}{{ge .n 7}}
{{eq .n "7"}}
{{eq .n 7.0}}
{{lt .n 7.5}}
{{eq .ok true}}{{ne .ok false}}
{{lt .ok true}}
{{eq .none nil}}{{eq nil .none}}{{ne .none nil}}
{{eq .id .none}}{{eq .none .id}}
{{lt .none 1}}
{{eq .small 4}}{{eq 4 .small}}{{lt .small 5}}{{lt 3 .small}}{{lt -1 .small}}{{gt .small -1}}
{{eq .u -1}}{{lt .u -1}}{{lt -1 .u}}{{ge .u 1}}
{{eq .map .map}}
{{eq .list .list}}
{{eq .nillist nil}}
{{eq .nillist .list}}
{{eq .nillist .nillist}}
{{eq .map .list}}
{{eq .struct .struct}}
{{eq .row .struct}}
{{eq .array .array}}
{{eq .ptr .ptr}}{{eq .ptr .nilptr}}
{{eq .f32 0.5}}{{eq .f 1.0}}{{lt .f32 1.0}}
{{with index .nan 0}}{{eq . .}}{{lt . 1.0}}{{gt . 1.0}}{{le . 1.0}}{{ge . 1.0}}{{else}}z{{end}}
{{if index .nan 1}}x{{else}}y{{end}}{{index .nan 2}}
{{lt "a" "b"}}{{gt "a" "b"}}{{le "a" "a"}}{{ge "a" "ä"}}
{{eq 1i 1i}}{{eq 'a' 97}}
{{lt 1i 2i}}
{{eq 1 2 3 1 "x"}}
{{eq 1 "x" 1}}
{{index .list 0}}{{index .list 2}}
{{index .list 3 1 "z"}}
{{index .list 1}}
{{index .list 1 0}}
{{index .list 5}}
{{index .list -1}}
{{index .list "0"}}
{{index .list nil}}
{{index .list .small}}
{{index .list 4 "k" 0}}
{{index .map "a"}}
{{index .map "c" "d" "e"}}
{{index .map "x"}}
{{index .map 1}}
{{index .map nil}}
{{index .map ""}}
{{index .byNumber 2}}{{index .byNumber 99}}
{{index .byNumber .small}}
{{index .byNumber "2"}}
{{index .byAny "a"}}{{index .byAny 3}}
{{index .byAny nil}}
{{index .byAny .list}}
{{.byAny.a}}
{{.byNumber.a}}
{{index .texts 0}}{{index .array 1}}
{{index .id 0}}{{index .id 1}}
{{index .id 2}}
{{index .id 9}}
{{index .empty 0}}
{{index .n 0}}
{{index .none 0}}
{{index .struct 0}}
{{index .ptr 0}}
{{index .nilptr 0}}
{{index .u 0}}
{{index .list .u}}
{{slice .at 0 10}}
{{slice .id}}{{slice .id 1}}{{slice .id 0 1}}{{slice .id 2}}
{{slice .id 3}}
{{slice .id 1 0}}
{{slice .id 0 1 1}}
{{slice .id 0 1 1 1}}
{{slice .id -1}}
{{slice .id "0"}}
{{slice .id nil}}
{{slice .list 1 3}}{{slice .list 0 1 2}}
{{slice .list 0 2 1}}
{{slice .list 0 9}}
{{slice .list 0 1 2 3}}
{{slice (slice .list 0 1) 0 3}}
{{slice (slice .list 0 1 1) 0 3}}
{{slice .array 0 1}}
{{slice .n 0 1}}
{{slice .none 0 1}}
{{slice .map 0 1}}
{{slice .ptr 0 1}}
{{slice .nilptr 0 1}}
{{slice .texts 0 2 | print}}
{{slice .zoë 0 1}}
{{template "x"}}
{{template "x" .}}
{{if .none}}{{template "x"}}{{end}}x
{{define "x"}}{{.id}}{{end}}x
{{define "x"}}{{end}}
{{define "name"}}{{.id}}{{end}}
{{define "name"}}{{.id}}{{end}}x
{{block "x" .}}{{.id}}{{end}}
{{break}}
{{continue}}
{{end}}
{{else}}
{{if}}x{{end}}
{{if .id}}
{{range}}x{{end}}
{{.id
{{nothing .id}}
{{.id | nothing}}
{{.id | 1}}
{{1 | .id}}
{{()}}
{{(.id}}
{{..}}
{{.id.}}
{{"a}}
{{'ab'}}
{{"a".x}}
{{nil.x}}
{{1.x}}
{{true.x}}
{{$x := }}
{{$x, $y := .list}}
{{range $x, $y, $z := .list}}{{end}}
{{range $x, 1 := .list}}{{end}}
{{len "a" | printf "%d"}}
{{_text .id}}{{_renamed .path}}{{_element .id}}
{{_element .path}}
{{_text .none}}
{{.id}}{{"\n"}}{{.n}}
{{.a🙂}}
{{ .id }} {{	.n	}}
}}{{.id}}{
{{"}}"}}
`
