package cli

import (
	"os"
	"path/filepath"
	"testing"

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

// Bars are in the order of the archive; what is written stands above them.
func TestScreen(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "screen"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	s := &screen{file: file, live: true, keys: []string{"a", "b"}}
	s.observe(export.Event{Kind: export.SectionStarted, Section: "b"})
	s.observe(export.Event{Kind: export.SectionStarted, Section: "a"})
	if _, err := s.Write([]byte("hello\n")); err != nil {
		t.Fatal(err)
	}
	s.observe(export.Event{Kind: export.SectionFinished, Section: "b", Result: &export.SectionResult{Status: export.StatusOK}})
	s.close()
	s.observe(export.Event{Kind: export.SectionAdvanced, Section: "a"})
	const (
		a  = "a                 running               0 records        0 binaries\n"
		b  = "b                 running               0 records        0 binaries\n"
		ok = "b                 ok                    0 records        0 binaries\n"
	)
	want := b + "\x1b[1A\x1b[J" + a + b + "\x1b[2A\x1b[Jhello\n" + a + b + "\x1b[2A\x1b[J" + ok + a + "\x1b[1A\x1b[J"
	if got, err := os.ReadFile(file.Name()); err != nil || string(got) != want {
		t.Errorf("screen is\n%q, want\n%q", got, want)
	}
}
