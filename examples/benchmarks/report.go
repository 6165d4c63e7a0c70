package main

import (
	"bytes"
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"
)

// spread is the least, the middle and the largest of some figures.
type spread struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

func spreadOf(values []float64) spread {
	slices.Sort(values)
	n := len(values)
	return spread{values[0], (values[(n-1)/2] + values[n/2]) / 2, values[n-1]}
}

// of returns the spread of a figure over all runs.
func (r *result) of(figure func(figures) float64) spread {
	values := make([]float64, len(r.runs))
	for i, f := range r.runs {
		values[i] = figure(f)
	}
	return spreadOf(values)
}

func wall(f figures) float64  { return f.wall.Seconds() }
func cpu(f figures) float64   { return f.cpu.Seconds() }
func peak(f figures) float64  { return float64(f.peak) / (1 << 20) }
func bytesOf(f figures) int64 { return f.bytes }

// against returns how many times as much the other took as r, pair by pair of a round.
func (r *result) against(other *result, figure func(figures) float64) spread {
	values := make([]float64, len(r.runs))
	for i := range r.runs {
		values[i] = figure(other.runs[i]) / figure(r.runs[i])
	}
	return spreadOf(values)
}

// jsonResult is a result as --json prints it.
type jsonResult struct {
	Name    string  `json:"name"`
	Contest string  `json:"contest"`
	Wall    *spread `json:"wall_s,omitempty"`
	CPU     *spread `json:"cpu_s,omitempty"`
	Peak    float64 `json:"peak_mib,omitempty"` // the largest of all runs
	Bytes   int64   `json:"bytes,omitempty"`
	Missing string  `json:"missing,omitempty"`
}

type jsonResults struct {
	Results []jsonResult `json:"results"`
}

func summary(results []*result) jsonResults {
	out := jsonResults{Results: []jsonResult{}}
	for _, r := range results {
		j := jsonResult{Name: r.name, Contest: r.contest, Missing: r.why}
		if r.why == "" {
			w, c := r.of(wall), r.of(cpu)
			j.Wall, j.CPU, j.Peak, j.Bytes = &w, &c, r.of(peak).Max, bytesOf(r.runs[0])
		}
		out.Results = append(out.Results, j)
	}
	return out
}

// measured returns the results of some contestants that were measured.
func measured(results []*result, contest string, some []contestant) (found []*result) {
	for _, r := range results {
		in := slices.ContainsFunc(some, func(c contestant) bool { return c.name == r.name })
		if r.contest == contest && in && r.why == "" {
			found = append(found, r)
		}
	}
	return found
}

// markdown is the report.
func markdown(b *bench, all []contest, results []*result) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "# Benchmarks\n\nMade by `go run . --rounds %d --size %d --files %d` on %d processors (%s/%s, %s) on %s. Seconds are medians, with the\n"+
		"least and the most in brackets. A ratio is what the other took divided by what orgexport took in the same round, the median of all\n"+
		"rounds: above 1 orgexport is ahead. Memory is that of the largest process, and about 15 MiB at least. orgexport computes the SHA-256 of each\n"+
		"file and of the archive, which the others do not.\n\n![Ratios](results.svg)\n",
		b.rounds, b.sizes.bytes, b.sizes.files, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), time.Now().UTC().Format(time.DateOnly))
	for _, c := range all {
		ours, others := measured(results, c.title, c.ours), measured(results, c.title, c.others)
		if len(ours)+len(others) == 0 {
			continue
		}
		fmt.Fprintf(&out, "\n## %s\n\n| | wall s | CPU s | MiB | bytes |%s\n|---|---|---|---|---|%s\n", c.title,
			heads(ours), strings.Repeat("---|", 3*len(ours)))
		for _, r := range append(slices.Clone(ours), others...) {
			w := r.of(wall)
			fmt.Fprintf(&out, "| %s | %.2f (%.2f–%.2f) | %.2f | %.0f | %d |", strings.ReplaceAll(r.name, "|", `\|`),
				w.Median, w.Min, w.Max, r.of(cpu).Median, r.of(peak).Max, bytesOf(r.runs[0]))
			for _, o := range ours {
				out.WriteString(o.ratios(r))
			}
			out.WriteByte('\n')
		}
	}
	for _, r := range results {
		if r.why != "" {
			fmt.Fprintf(&out, "\n%s was not measured: %s.\n", r.name, r.why)
		}
	}
	return out.Bytes()
}

// heads are the heads of the columns of ratios, which ratios fills.
func heads(ours []*result) string {
	var out strings.Builder
	for i := range ours {
		which := ""
		if len(ours) > 1 {
			which = fmt.Sprintf(" to %d.", i+1)
		}
		fmt.Fprintf(&out, " wall%[1]s | CPU%[1]s | size%[1]s |", which)
	}
	return out.String()
}

func (r *result) ratios(other *result) string {
	if r == other {
		return " – | – | – |"
	}
	size := "–"
	if bytesOf(r.runs[0]) > 0 && bytesOf(other.runs[0]) > 0 {
		size = fmt.Sprintf("%.3f", float64(bytesOf(r.runs[0]))/float64(bytesOf(other.runs[0])))
	}
	return fmt.Sprintf(" %.2f | %.2f | %s |", r.against(other, wall).Median, r.against(other, cpu).Median, size)
}

// bar is a ratio of the chart.
type bar struct {
	contest, name string
	ratio         spread
}

// bars are the ratios to the first of ours in each contest, largest first.
func bars(all []contest, results []*result) (out []bar) {
	for _, c := range all {
		ours := measured(results, c.title, c.ours)
		if len(ours) == 0 {
			continue
		}
		var some []bar
		for _, other := range measured(results, c.title, c.others) {
			some = append(some, bar{c.title, other.name, ours[0].against(other, wall)})
		}
		slices.SortStableFunc(some, func(a, b bar) int { return cmp.Compare(b.ratio.Median, a.ratio.Median) })
		out = append(out, some...)
	}
	return out
}
