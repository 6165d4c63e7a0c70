package config

import "go.yaml.in/yaml/v3"

// csv decodes how .csv files are written.
func (d *decoder) csv(n *yaml.Node) {
	c := d.config
	guard := true
	d.mapping(n, map[string]value{
		"formula_guard": d.flag(&guard),
		"bom":           d.flag(&c.CSV.BOM),
		"delimiter": oneOf(d, &c.CSV.Delimiter, "comma, semicolon or tab",
			map[string]byte{"comma": ',', ",": ',', "semicolon": ';', ";": ';', "tab": '\t', "\t": '\t'}),
		"line_ending": oneOf(d, &c.CSV.LineFeed, "crlf or lf", map[string]bool{"crlf": false, "lf": true}),
	})
	c.RawCSV = !guard
}

// oneOf decodes one of some words; want says which.
func oneOf[T any](d *decoder, dst *T, want string, words map[string]T) value {
	return func(n *yaml.Node) {
		n = plain(n)
		v, ok := words[n.Value]
		if n.Kind != yaml.ScalarNode || !ok {
			d.wrong(n, want)
			return
		}
		*dst = v
	}
}
