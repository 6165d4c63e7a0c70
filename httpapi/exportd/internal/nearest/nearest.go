// Package nearest finds what somebody may have meant who has mistyped a name.
package nearest

import "strings"

// Of returns the name that is most like word, or nothing if none is much like it.
func Of(word string, names []string) string {
	best, found := 1+len(word)/4, "" // short words have few letters to be wrong
	if best > 3 {
		best = 3
	}
	for _, name := range names {
		d := distance(strings.ToLower(word), strings.ToLower(name))
		if d < best || d == best && found == "" {
			best, found = d, name
		}
	}
	return found
}

// distance is how many letters have to be put in, taken away, replaced or swapped with the
// next one to make b of a.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, before
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := last[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			row[j] = min(last[j]+1, row[j-1]+1, replaced)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
