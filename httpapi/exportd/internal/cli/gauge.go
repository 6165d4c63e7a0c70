package cli

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// gauge tells on a terminal how much of a file has been read. It is safe for
// concurrent use: who reads the file may be another than who prints above it.
type gauge struct {
	to    *os.File // nil if nobody is to be told
	size  int64    // of what is read; 0 if it is not known
	began time.Time

	mu    sync.Mutex
	drawn bool
}

// newGauge tells about an input on standard error, if that is a terminal.
func newGauge(in *input) *gauge {
	g := &gauge{size: in.size, began: time.Now()}
	if canDraw(os.Stderr) {
		g.to = os.Stderr
	}
	return g
}

// show shows how many bytes have been read.
func (g *gauge) show(read int64) {
	if g.to != nil {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.drawn = true
		fmt.Fprintf(g.to, "\r\x1b[K%s", g.text(read, time.Since(g.began))) //nolint:errcheck // it does not matter that nobody can see it
	}
}

// clear takes it away, until there is more to tell.
func (g *gauge) clear() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.drawn {
		fmt.Fprint(g.to, "\r\x1b[K") //nolint:errcheck // as above
		g.drawn = false
	}
}

func (g *gauge) text(read int64, took time.Duration) string {
	if g.size <= 0 {
		return size(read) + " read  " + pace(took, read)
	}
	const width = 30
	part := float64(min(read, g.size)) / float64(g.size) // the end of a zip archive is read twice
	full := int(part * width)
	return fmt.Sprintf("[%s%s] %3d %%  %s  ", strings.Repeat("#", full), strings.Repeat(".", width-full), int(part*100), size(g.size)) +
		pace(took, read) + left(took, read, g.size)
}
