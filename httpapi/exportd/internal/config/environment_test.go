package config_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/sections"
)

func TestEnvironment(t *testing.T) {
	t.Setenv("ORGEXPORT_SOURCE_DATABASE", "postgres://me:secret@localhost/shop")
	t.Setenv("ORGEXPORT_JOBS_DATABASE", "sqlite:/jobs.db")
	t.Setenv("ORGEXPORT_SIGNING_KEYS", "a:b")
	c, _, err := load(t, catalogue+"jobs: {database: 'sqlite:other.db'}\nserver: {listen: ':99'}\narchives: {store: 'dir:a', parts_retention: none, read_back: none}\naudit: {retention: none}\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []struct{ got, want any }{
		{c.Database.Dialect, sections.Postgres},
		{c.Database.Address, "postgres://me:secret@localhost/shop"},
		{c.Jobs.Database.Address, "/jobs.db"},
		{c.Signing.Keys, "a:b"},
		{c.PublicURL(&net.TCPAddr{IP: net.IPv4zero, Port: 99}), "http://127.0.0.1:99"},
		{c.Archives.PartsRetention, time.Duration(-1)}, {c.Archives.ReadBack, int64(-1)},
		{c.Audit.Retention, time.Duration(-1)},
	} {
		if v.got != v.want {
			t.Errorf("got %v, want %v", v.got, v.want)
		}
	}
	t.Setenv("ORGEXPORT_JOBS_DATABASE", "postgres://me:secret@[::1/shop")
	_, _, err = load(t, catalogue)
	if err == nil || !strings.HasPrefix(err.Error(), "$ORGEXPORT_JOBS_DATABASE: ") || strings.Contains(err.Error(), "secret") {
		t.Errorf("error is %v", err)
	}
}

func TestNoFile(t *testing.T) {
	if _, err := config.Load(filepath.Join(t.TempDir(), "none.yaml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error is %v, want %v", err, os.ErrNotExist)
	}
}
