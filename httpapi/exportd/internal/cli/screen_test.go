package cli

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
)

func TestBar(t *testing.T) {
	for _, c := range []struct {
		event export.Event
		want  string
	}{
		{export.Event{Section: "products"},
			"products          running               0 records        0 binaries"},
		{export.Event{Section: "products", Records: 1203, Binaries: 12, Bytes: 4_700_000},
			"products          running            1203 records       12 binaries    4.5 MiB"},
		{export.Event{Section: "products", Done: 1, Total: 4, Bytes: 1023},
			"products          [##........]          0 records        0 binaries     1023 B"},
		{export.Event{Section: "products", Done: 9, Total: 4, Bytes: 5 << 40},
			"products          [##########]          0 records        0 binaries    5.0 TiB"},
		{export.Event{Section: "products", Done: -1, Total: 4},
			"products          [..........]          0 records        0 binaries"},
		{export.Event{Section: "products", Done: 1, Total: 4, Result: &export.SectionResult{Status: export.StatusPartial}},
			"products          partial               0 records        0 binaries"},
	} {
		if got := bar(c.event); got != c.want {
			t.Errorf("bar is\n%q, want\n%q", got, c.want)
		}
	}
}

// Bars are in the order of the archive; what is written stands above them, and how long it has
// taken below.
func TestScreen(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "screen"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	synctest.Test(t, func(t *testing.T) {
		s := &screen{file: file, live: true, keys: []string{"a", "b"}, done: make(chan struct{})}
		s.observe(export.Event{Kind: export.SectionStarted, Section: "b"})
		s.observe(export.Event{Kind: export.SectionStarted, Section: "a"})
		if _, err := s.Write([]byte("hello\n")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1500 * time.Millisecond)
		s.observe(export.Event{Kind: export.SectionAdvanced, Section: "a", Bytes: 6144, Done: 1, Total: 4})
		s.observe(export.Event{Kind: export.SectionFinished, Section: "b", Result: &export.SectionResult{Status: export.StatusOK}})
		s.observe(export.Event{Kind: export.SectionFinished, Section: "a", Result: &export.SectionResult{Status: export.StatusOK}})
		s.close()
		s.observe(export.Event{Kind: export.SectionAdvanced, Section: "a"})
		time.Sleep(time.Minute)
	})
	const (
		a     = "a                 running               0 records        0 binaries\n"
		b     = "b                 running               0 records        0 binaries\n"
		part  = "a                 [##........]          0 records        0 binaries    6.0 KiB\n" // how long it will take has no room
		okA   = "a                 ok                    0 records        0 binaries\n"
		okB   = "b                 ok                    0 records        0 binaries\n"
		two   = "\x1b[2A\x1b[J"
		three = "\x1b[3A\x1b[J"
	)
	want := b + "0s\n" + two + a + b + "0s\n" + three + "hello\n" + a + b + "0s\n" +
		three + a + b + "1s\n" +
		three + part + b + "1s  4.0 KiB/s\n" + three + okB + part + "1s  4.0 KiB/s\n" +
		two + okA + "1s  4.0 KiB/s  writing the archive\n" + "\x1b[1A\x1b[J"
	if got, err := os.ReadFile(file.Name()); err != nil || string(got) != want {
		t.Errorf("screen is\n%q, want\n%q", got, want)
	}
}
