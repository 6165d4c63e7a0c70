package wire

import (
	"bytes"
	"context"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
)

func problemIn(section, message string) finding {
	return finding{section: section, problem: config.Problem{File: "f", Line: 7, Message: message}}
}

// TestWatch: a problem is logged once when it appears and once when it is gone. While the
// database does not answer nothing else is known.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := func(why string) finding {
			return finding{problem: config.Problem{Message: "down " + why}, silent: true}
		}
		steps := [][]finding{
			{problemIn("a", "one"), problemIn("b", "two"), problemIn("b", "three")},
			{problemIn("a", "one"), problemIn("b", "two")},
			{down("for this")},
			{down("for that")},
			{problemIn("a", "one")},
			nil,
		}
		wantCounts := []map[string]int{{"a": 1, "b": 2}, {"a": 1, "b": 1}, {"": 1, "a": 1, "b": 1}, {"": 1, "a": 1, "b": 1}, {"a": 1}, {}}
		wantLogs := []string{
			`WARN does not fit "f:7: one" a|WARN does not fit "f:7: two" b|WARN does not fit "f:7: three" b`, `INFO gone "f:7: three" b`,
			`WARN does not fit ": down for this"`, "", `INFO gone ": down for that"|INFO gone "f:7: two" b`, `INFO gone "f:7: one" a`,
		}
		var log bytes.Buffer
		step := 0
		w := &watch{
			logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{})),
			check: func(context.Context) []finding {
				step++
				return steps[step-1]
			},
		}
		w.count = func(got map[string]int) {
			if !maps.Equal(got, wantCounts[step-1]) {
				t.Errorf("step %d counts %v, want %v", step, got, wantCounts[step-1])
			}
			if text := short(log.String()); text != wantLogs[step-1] {
				t.Errorf("step %d logs %s, want %s", step, text, wantLogs[step-1])
			}
			log.Reset()
		}
		began := time.Now()
		w.run(t.Context())
		if took := time.Since(began); step != len(steps) || took != 5*watchEvery {
			t.Errorf("it ends after %d checks and %v", step, took)
		}
	})
}

// short makes lines of a log easy to compare.
func short(log string) string {
	var lines []string
	for line := range strings.Lines(log) {
		line = strings.TrimSpace(line)
		line = line[strings.Index(line, "level=")+len("level="):]
		for old, text := range map[string]string{
			`msg="the source does not fit the configuration"`: "does not fit", `msg="a problem of the source is gone"`: "gone",
			"problem=": "", "section=": "",
		} {
			line = strings.ReplaceAll(line, old, text)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "|")
}

func TestWatchEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		w := &watch{
			logger: slog.New(slog.DiscardHandler), count: func(map[string]int) {},
			check: func(context.Context) []finding { return []finding{problemIn("a", "one")} },
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			w.run(ctx)
		}()
		synctest.Wait()
		cancel()
		<-ended
	})
}
