package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
)

const (
	chartWidth  = 860
	chartLeft   = 330 // of the bars
	chartRow    = 22
	chartTop    = 40
	chartLabels = 50 // behind the bars
)

// chart draws how many times as long the others take, on a logarithmic scale, in SVG. It is
// readable on light and dark pages.
func chart(all []contest, results []*result) []byte {
	some := bars(all, results)
	largest, least := 2.0, 0.5
	for _, b := range some {
		largest, least = max(largest, b.ratio.Median), min(least, b.ratio.Median)
	}
	width := float64(chartWidth - chartLeft - chartLabels)
	at := func(ratio float64) float64 {
		return chartLeft + width*(math.Log(ratio)-math.Log(least))/(math.Log(largest)-math.Log(least))
	}
	rows, contest := 0, ""
	for _, b := range some {
		if rows++; b.contest != contest {
			rows, contest = rows+1, b.contest
		}
	}
	height := chartTop + chartRow*rows + 10
	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12" role="img">
<title>How many times as long as orgexport others take</title>
<style>text{fill:#24292f}.ahead{fill:#2da44e}.behind{fill:#bf8700}.line{stroke:#8c959f}@media(prefers-color-scheme:dark){text{fill:#e6edf3}}</style>
<text x="%d" y="20" font-weight="bold">Times as long as orgexport (more than 1: orgexport is ahead)</text>
`, chartWidth, height, 10)
	y, contest := chartTop, ""
	for _, b := range some {
		if b.contest != contest {
			contest = b.contest
			fmt.Fprintf(&out, "<text x=\"10\" y=\"%d\" font-weight=\"bold\">%s</text>\n", y+15, escaped(contest))
			y += chartRow
		}
		class, from, to := "ahead", at(1), at(b.ratio.Median)
		if to < from {
			class, from, to = "behind", to, from
		}
		fmt.Fprintf(&out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text><rect class=\"%s\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"14\"/><text x=\"%.1f\" y=\"%d\">%.2f</text>\n",
			chartLeft-8, y+12, escaped(b.name), class, from, y+1, to-from, to+5, y+12, b.ratio.Median)
		y += chartRow
	}
	fmt.Fprintf(&out, "<line class=\"line\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>\n</svg>\n", at(1), chartTop, at(1), y)
	return out.Bytes()
}

func escaped(s string) string {
	var out bytes.Buffer
	_ = xml.EscapeText(&out, []byte(s)) // a buffer takes everything
	return out.String()
}
