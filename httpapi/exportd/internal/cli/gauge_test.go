package cli

import (
	"os"
	"path/filepath"
	"testing"
)

func TestGauge(t *testing.T) {
	for _, c := range []struct {
		read, size int64
		want       string
	}{
		{0, 0, "0 B read"},
		{5 << 20, 0, "5.0 MiB read"},
		{0, 1000, "[..............................]   0 %  1000 B"},
		{512, 1024, "[###############...............]  50 %  1.0 KiB"},
		{2000, 1024, "[##############################] 100 %  1.0 KiB"},
		{1 << 62, 1 << 62, "[##############################] 100 %  4194304.0 TiB"},
	} {
		g := &gauge{size: c.size}
		if got := g.text(c.read); got != c.want {
			t.Errorf("gauge is %q, want %q", got, c.want)
		}
	}
}

func TestGaugeDraws(t *testing.T) {
	screen, err := os.Create(filepath.Join(t.TempDir(), "screen"))
	if err != nil {
		t.Fatal(err)
	}
	defer screen.Close()
	g := &gauge{to: screen}
	g.show(1)
	g.show(2)
	g.clear()
	g.clear()
	want := "\r\x1b[K1 B read\r\x1b[K2 B read\r\x1b[K"
	if got, err := os.ReadFile(screen.Name()); err != nil || string(got) != want {
		t.Errorf("screen is %q, %v, want %q", got, err, want)
	}
}
