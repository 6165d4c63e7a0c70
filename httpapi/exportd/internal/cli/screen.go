package cli

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
)

// screen is standard error. On a terminal the last lines are a progress bar
// for each section that runs, and how long the export has taken; what is written
// appears above them. They are drawn every second, also if nothing happens, so that nobody
// takes a slow query for a dead program. It is safe for concurrent use.
type screen struct {
	file *os.File
	live bool     // it is a terminal, and bars are wanted
	keys []string // of the sections, in the order of the archive
	log  bool     // where there are no bars, a line tells that a section has finished

	mu     sync.Mutex
	bars   []section // of the sections that run, in this order
	drawn  int       // lines that they take now
	ended  int64     // bytes of the sections that have ended
	began  time.Time // zero before there was an event
	done   chan struct{}
	closed bool
}

// section is one that runs.
type section struct {
	export.Event
	began time.Time
}

func newScreen(file *os.File, c *config.Config) *screen {
	s := &screen{file: file, live: canDraw(file), done: make(chan struct{})}
	for _, section := range c.Sections {
		s.keys = append(s.keys, section.Key.Value)
	}
	return s
}

// canDraw tells whether a file is a terminal on which the cursor can be moved.
// Old consoles of Windows do not know the sequences for that.
func canDraw(file *os.File) bool {
	return isTerminal(file) && runtime.GOOS != "windows" && os.Getenv("TERM") != "dumb"
}

// Write writes text above the bars.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(p), s.draw(p)
}

// observe shows an event of the export; it is an Observe of [export.Request].
func (s *screen) observe(e export.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if !s.live {
		if s.log && e.Kind == export.SectionFinished {
			_ = s.draw([]byte(bar(e) + "\n")) // as below
		}
		return
	}
	s.begin()
	at := slices.IndexFunc(s.bars, func(b section) bool { return b.Section == e.Section })
	var above []byte
	switch {
	case e.Kind == export.SectionFinished && at >= 0:
		s.ended += s.bars[at].Bytes
		s.bars = slices.Delete(s.bars, at, at+1)
		above = append(above, bar(e)+"\n"...)
	case e.Kind == export.SectionFinished:
	case at < 0:
		s.bars = append(s.bars, section{e, time.Now()})
		slices.SortFunc(s.bars, func(a, b section) int {
			return slices.Index(s.keys, a.Section) - slices.Index(s.keys, b.Section)
		})
	default:
		s.bars[at].Event = e
	}
	_ = s.draw(above) // an export does not fail because nobody can see it
}

// begin has the lines drawn every second from now on, unless they are.
func (s *screen) begin() {
	if !s.began.IsZero() {
		return
	}
	s.began = time.Now()
	go func() {
		second := time.NewTicker(time.Second)
		defer second.Stop()
		for {
			select {
			case <-s.done:
				return
			case <-second.C:
				s.mu.Lock()
				_ = s.draw(nil) // as above
				s.mu.Unlock()
			}
		}
	}()
}

// close takes the lines away. It may be called once.
func (s *screen) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	close(s.done)
	_ = s.draw(nil)
}

// draw writes text in the place of the lines and the lines below it, at once so
// that nothing flickers.
func (s *screen) draw(text []byte) error {
	var out bytes.Buffer
	if s.drawn > 0 {
		fmt.Fprintf(&out, "\x1b[%dA\x1b[J", s.drawn)
	}
	out.Write(text)
	s.drawn = 0
	if !s.closed && !s.began.IsZero() {
		width, height := terminalSize(s.file)
		lines := s.lines(width)
		s.drawn = min(len(lines), height-1)
		for _, line := range lines[:s.drawn] {
			fmt.Fprintf(&out, "%s\n", line[:min(len(line), width-1)])
		}
	}
	if out.Len() == 0 {
		return nil
	}
	_, err := s.file.Write(out.Bytes())
	return err
}

// lines are those at the end of the screen. What is left to do is told where there is room.
func (s *screen) lines(width int) []string {
	lines, bytes := make([]string, 0, len(s.bars)+1), s.ended
	for _, running := range s.bars {
		bytes += running.Bytes
		line, rest := bar(running.Event), left(time.Since(running.began), running.Done, running.Total)
		if len(line)+len(rest) < width {
			line += rest
		}
		lines = append(lines, line)
	}
	total := pace(time.Since(s.began), bytes)
	if len(s.bars) == 0 {
		total += "  writing the archive"
	}
	return append(lines, total)
}

// bar is one line, in ASCII, that fits into 80 columns if the key is short. Only a section that knows how much there is to do
// has a bar that fills.
func bar(e export.Event) string {
	state := "running"
	switch {
	case e.Result != nil:
		state = string(e.Result.Status)
	case e.Total > 0:
		const width = 10
		full := int(min(max(e.Done, 0), e.Total) * width / e.Total)
		state = fmt.Sprintf("[%s%s]", strings.Repeat("#", full), strings.Repeat(".", width-full))
	}
	line := fmt.Sprintf("%-16s  %-12s  %9d records  %7d binaries", e.Section, state, e.Records, e.Binaries)
	if e.Bytes > 0 { // a finished section does not tell
		line += fmt.Sprintf("  %9s", size(e.Bytes))
	}
	return line
}

// size is a number of bytes for people.
func size(n int64) string {
	value, unit := float64(n), "B"
	for _, next := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if value < 1024 {
			break
		}
		value, unit = value/1024, next
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}
