package config_test

import (
	"testing"
	"time"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
)

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "1h30m": 90 * time.Minute, "30d": 720 * time.Hour, "7d": 168 * time.Hour, "2w": 336 * time.Hour,
		"1w1d1h": 193 * time.Hour, "0d": 0, "1d12h": 36 * time.Hour, "-1s": -time.Second, "106751d": 106751 * 24 * time.Hour,
	} {
		if got, err := config.ParseDuration(text); err != nil || got != want {
			t.Errorf("%s: got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "d", "7", "7 d", "-7d", "1d-1h", "1d+1h", "1d2w", "1.5d", "106752d", "15250w4d", "106751d24h", "99999999999999999999d", "7days", "1y"} {
		if got, err := config.ParseDuration(text); err == nil {
			t.Errorf("%q is %v, want an error", text, got)
		}
	}
}

func FuzzParseDuration(f *testing.F) {
	f.Add("2w3d4h5m")
	f.Add("1d-1h")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := config.ParseDuration(text)
		if plain, plainErr := time.ParseDuration(text); plainErr == nil && (err != nil || got != plain) {
			t.Errorf("%q is %v, %v, and for Go %v", text, got, err, plain)
		} else if plainErr != nil && err == nil && got < 0 {
			t.Errorf("%q is %v", text, got)
		}
	})
}
