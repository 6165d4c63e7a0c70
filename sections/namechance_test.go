package sections

import (
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
)

// Templates that chance makes mean to text/template what they mean here.
func TestNamesOfChance(t *testing.T) {
	g := &templateMaker{r: rand.New(rand.NewPCG(1, 2))}
	rows := nameRows()
	rows[1]["u"] = uint64(7) // a range over it ends
	merged := maps.Clone(rows[0])
	maps.Copy(merged, rows[1])
	rows = append(rows, merged)
	for range 8_000 {
		if source := g.body(3); len(source) < 800 && strings.Count(source, "range") < 4 {
			compareNames(t, source, pick(g, guardElement, guardText, guardRenamed), pick(g, rows...))
		}
		if t.Failed() {
			return
		}
	}
}

// templateMaker makes templates that are mostly good.
type templateMaker struct {
	r    *rand.Rand
	vars []string // that are declared
	loop int      // how many ranges it is in
}

func pick[T any](g *templateMaker, of ...T) T { return of[g.r.IntN(len(of))] }

func (g *templateMaker) term(d int) string {
	ops := append(strings.Fields(`. $ nil true false 0 1 2 -1 1.5 1i "a" "" 'a' .id .n .none .empty .list .map .map.c .map.c.d.e .row .struct .u .small .f .f32 .nan .ptr .nilptr .nillist .array .texts .numbers .byAny .byNumber .byFloat .path .text $.id $.n $.list $.map $.texts .k .z "%v" "%s" "k" "c" print html`), g.vars...)
	ops = append(ops, g.vars...)
	if d > 0 && g.r.IntN(3) == 0 {
		s := "(" + g.pipe(d-1) + ")"
		if g.r.IntN(4) == 0 {
			s += pick(g, ".x", ".c", ".k", ".d.e", ".Name")
		}
		return s
	}
	if len(g.vars) > 0 && g.r.IntN(10) == 0 {
		return pick(g, g.vars...) + pick(g, ".c", ".x", ".k")
	}
	return pick(g, ops...)
}

func (g *templateMaker) cmd(d int, first bool) string {
	if first && g.r.IntN(3) == 0 {
		return g.term(d)
	}
	f := pick(g, strings.Fields(`not len print println html js urlquery printf base path safe index index slice eq eq ne lt le gt ge and or call`)...)
	for range g.r.IntN(3) {
		f += " " + g.term(d)
	}
	return f
}

func (g *templateMaker) pipe(d int) string {
	s := g.cmd(d, true)
	for g.r.IntN(4) == 0 {
		s += " | " + g.cmd(d, false)
	}
	return s
}

func (g *templateMaker) decl(d int, in string) string {
	p := g.pipe(d)
	switch k := g.r.IntN(6); {
	case k == 0 || k == 1 && in == "":
		v := "$" + pick(g, "x", "y", "z")
		g.vars = append(g.vars, v)
		return v + " := " + p
	case k == 2 && len(g.vars) > 0:
		return pick(g, g.vars...) + " = " + p
	case k == 3 && in == "range":
		v, w := "$"+pick(g, "x", "y"), "$"+pick(g, "y", "z")
		g.vars = append(g.vars, v, w)
		return v + ", " + w + " := " + p
	case k == 4 && in == "range" && len(g.vars) > 1:
		return pick(g, g.vars...) + ", " + pick(g, g.vars...) + " = " + p
	}
	return p
}

func (g *templateMaker) body(d int) string {
	var b strings.Builder
	mark := len(g.vars)
	for range 1 + g.r.IntN(3) {
		switch k := g.r.IntN(10); {
		case k < 3 || d == 0:
			b.WriteString("{{" + g.decl(2, "") + "}}")
		case k < 4:
			b.WriteString("x")
		case k < 6:
			b.WriteString(g.block(d-1, "if"))
		case k < 7:
			b.WriteString(g.block(d-1, "with"))
		case k < 9:
			b.WriteString(g.block(d-1, "range"))
		case g.loop > 0:
			b.WriteString(pick(g, "{{break}}", "{{continue}}"))
		}
	}
	g.vars = g.vars[:mark]
	return b.String()
}

func (g *templateMaker) block(d int, kind string) string {
	mark := len(g.vars)
	defer func() { g.vars = g.vars[:mark] }()
	s := "{{" + kind + " " + g.decl(1, kind) + "}}"
	if kind == "range" {
		g.loop++
	}
	s += g.body(d)
	if kind == "range" {
		g.loop--
	}
	if g.r.IntN(2) == 0 {
		s += "{{else}}" + g.body(d)
	}
	return s + "{{end}}"
}
