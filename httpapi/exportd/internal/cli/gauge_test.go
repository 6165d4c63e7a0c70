package cli

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestGauge(t *testing.T) {
	for _, c := range []struct {
		read, size int64
		took       time.Duration
		want       string
	}{
		{0, 0, 0, "0 B read  0s"},
		{5 << 20, 0, 0, "5.0 MiB read  0s"},
		{5 << 20, 0, 2 * time.Second, "5.0 MiB read  2s  2.5 MiB/s"},
		{0, 1000, time.Minute, "[..............................]   0 %  1000 B  1m0s"},
		{512, 1024, 900 * time.Millisecond, "[###############...............]  50 %  1.0 KiB  0s"},
		{512, 2048, 64 * time.Second, "[#######.......................]  25 %  2.0 KiB  1m4s  8 B/s  3m12s left"},
		{2000, 1024, time.Hour, "[##############################] 100 %  1.0 KiB  1h0m  0 B/s"},
		{1 << 62, 1 << 62, 3 * time.Second, "[##############################] 100 %  4194304.0 TiB  3s  1398101.3 TiB/s"},
	} {
		g := &gauge{size: c.size}
		if got := g.text(c.read, c.took); got != c.want {
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
	g := &gauge{to: screen, began: time.Now()}
	g.show(1)
	g.show(2)
	g.clear()
	g.clear()
	want := "\r\x1b[K1 B read  0s\r\x1b[K2 B read  0s\r\x1b[K"
	if got, err := os.ReadFile(screen.Name()); err != nil || string(got) != want {
		t.Errorf("screen is %q, %v, want %q", got, err, want)
	}
}
