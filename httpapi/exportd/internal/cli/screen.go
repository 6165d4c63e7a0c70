package cli

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
)

// screen is standard error. On a terminal the last lines are a progress bar
// for each section that runs; what is written appears above them. It is safe
// for concurrent use.
type screen struct {
	file *os.File
	live bool     // it is a terminal, and bars are wanted
	keys []string // of the sections, in the order of the archive
	log  bool     // where there are no bars, a line tells that a section has finished

	mu     sync.Mutex
	bars   []export.Event // of the sections that run, in this order
	drawn  int            // lines that the bars take now
	closed bool
}

func newScreen(file *os.File, c *config.Config) *screen {
	s := &screen{file: file, live: canDraw(file)}
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
	at := slices.IndexFunc(s.bars, func(b export.Event) bool { return b.Section == e.Section })
	var above []byte
	switch {
	case e.Kind == export.SectionFinished && at >= 0:
		s.bars = slices.Delete(s.bars, at, at+1)
		above = append(above, bar(e)+"\n"...)
	case e.Kind == export.SectionFinished:
	case at < 0:
		s.bars = append(s.bars, e)
		slices.SortFunc(s.bars, func(a, b export.Event) int {
			return slices.Index(s.keys, a.Section) - slices.Index(s.keys, b.Section)
		})
	default:
		s.bars[at] = e
	}
	_ = s.draw(above) // an export does not fail because nobody can see it
}

// close takes the bars away.
func (s *screen) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.bars = nil
	_ = s.draw(nil)
}

// draw writes text in the place of the bars and the bars below it, at once so
// that nothing flickers.
func (s *screen) draw(text []byte) error {
	var out bytes.Buffer
	if s.drawn > 0 {
		fmt.Fprintf(&out, "\x1b[%dA\x1b[J", s.drawn)
	}
	out.Write(text)
	s.drawn = 0
	if len(s.bars) > 0 {
		width, height := terminalSize(s.file)
		s.drawn = min(len(s.bars), height-1)
		for _, e := range s.bars[:s.drawn] {
			line := bar(e)
			fmt.Fprintf(&out, "%s\n", line[:min(len(line), width-1)])
		}
	}
	if out.Len() == 0 {
		return nil
	}
	_, err := s.file.Write(out.Bytes())
	return err
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
