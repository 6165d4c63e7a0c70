package bunstore

import (
	"context"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/orgexport/orgexport/internal/pgtest"
)

func TestOpenProblems(t *testing.T) {
	const password = "hunter2secret"
	for _, address := range []string{
		"",
		"jobs.db",
		"sqlite:",
		"mysql://user:" + password + "@localhost/db",
		"sqlite:" + filepath.Join(t.TempDir(), "none", "jobs.db"),
		"sqlite:" + t.TempDir(),
		"postgres://user:" + password + "@127.0.0.1:1/db?sslmode=disable&connect_timeout=2",
		"postgres://user:" + password + "@[::1/db",
		"postgres://user:" + password + "/x@127.0.0.1:1/db",
		"postgres://user:" + password + "%zz@127.0.0.1:1/db",
		"postgres://user:" + password + "@127.0.0.1:1/db?sslmode=nonsense",
		"postgres://user@127.0.0.1:1/db?password=" + password + "&port=nonsense",
		"postgres://user:" + password + "@127.0.0.1:1/db?pool_max_conns=0",
		"postgres://user:" + password + "@127.0.0.1:1/db?pool_max_conns=" + password,
		"postgresql://user:" + password + "@127.0.0.1:" + password + "/db",
	} {
		s, err := Open(t.Context(), address, Config{})
		if err == nil {
			t.Errorf("Open(%q) succeeds", address)
			_ = s.Close()
			continue
		}
		if !strings.HasPrefix(err.Error(), "bunstore: ") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Open(%q) gives %v", address, err)
		}
	}
}

// TestServerErrorsHideThePassword gets errors from a server.
func TestServerErrorsHideThePassword(t *testing.T) {
	address, err := url.Parse(pgtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	password, _ := address.User.Password()
	for _, c := range []struct{ name, user, password, path, query string }{
		{"wrong password", address.User.Username(), "hunter2secret", address.Path, ""},
		{"unknown user", "nobody", "hunter2secret", address.Path, ""},
		{"unknown database", address.User.Username(), password, "/nowhere", ""},
		{"unknown parameter", address.User.Username(), password, address.Path, "&pasword=hunter2secret"},
	} {
		u := *address
		u.User, u.Path, u.RawQuery = url.UserPassword(c.user, c.password), c.path, u.RawQuery+c.query
		s, err := Open(t.Context(), u.String(), Config{})
		if err == nil {
			_ = s.Close()
			t.Errorf("%s: Open succeeds", c.name)
			continue
		}
		if text := err.Error(); strings.Contains(text, c.password) || strings.Contains(text, "hunter2") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestNewProblems(t *testing.T) {
	db := bun.NewDB(new(sql.DB), pgdialect.New())
	for prefix, want := range map[string]string{
		"":                               "",
		"export_":                        "",
		"x":                              "",
		"_":                              "prefix",
		"1a":                             "prefix",
		"Export_":                        "prefix",
		"a b":                            "prefix",
		`a"; DROP TABLE users; --`:       "prefix",
		"a23456789_123456789_1234":       "",
		"a23456789_123456789_12345":      "prefix",
		"export.":                        "prefix",
		"export_\n":                      "prefix",
		"exp\u00e9_":                     "prefix",
		"a23456789_123456789_123456789_": "prefix",
	} {
		_, err := New(db, Config{TablePrefix: prefix})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("New with prefix %q gives %v", prefix, err)
		}
	}
	_, err := New(nil, Config{TablePrefix: "A"})
	if err == nil || !strings.Contains(err.Error(), "no database") || !strings.Contains(err.Error(), "prefix") {
		t.Errorf("New gives %v, want all problems", err)
	}
}

func TestSQLiteFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b%20c#d&e=é.db")
	if runtime.GOOS != "windows" {
		path = filepath.Join(filepath.Dir(path), "q?mode=memory&"+filepath.Base(path))
	}
	s := migrated(t, "sqlite:"+path, Config{})
	create(t, s)
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !strings.HasPrefix(e.Name(), filepath.Base(path)) {
			t.Errorf("there is %s, %v", e.Name(), err)
		} else if mode := info.Mode().Perm(); mode != 0o600 && runtime.GOOS != "windows" {
			t.Errorf("%s has mode %o, want 600", e.Name(), mode)
		}
	}
	if len(entries) != 3 {
		t.Errorf("there are %d files, want the database, its log and their index", len(entries))
	}
	for pragma, want := range map[string]int64{"busy_timeout": 10_000, "synchronous": 1, "foreign_keys": 1} {
		if n := number(t, s, "PRAGMA "+pragma); n != want {
			t.Errorf("%s is %d, want %d", pragma, n, want)
		}
	}
	// A relative path is that of this moment.
	t.Chdir(filepath.Dir(path))
	again := open(t, "sqlite:"+filepath.Base(path), Config{})
	t.Chdir(os.TempDir())
	if _, err := again.Get(t.Context(), "org", "a"); err != nil {
		t.Error(err)
	}
}

// TestHostDatabase uses a database of a host, for tables of both.
func TestHostDatabase(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		host := open(t, newAddress(t), Config{}).DB()
		s, err := New(host, Config{TablePrefix: "export_"})
		if err != nil {
			t.Fatal(err)
		}
		migrate(t, s)
		create(t, s)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := host.PingContext(t.Context()); err != nil {
			t.Errorf("Close closes the host's database: %v", err)
		}
	})
}

// TestWaitsForAnotherProcess has SQLite's lock held elsewhere.
func TestWaitsForAnotherProcess(t *testing.T) {
	address := "sqlite:" + filepath.Join(t.TempDir(), "jobs.db")
	s, other := migrated(t, address, Config{}), open(t, address, Config{})
	locked, release := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- other.db.RunInTx(context.WithoutCancel(t.Context()), nil, func(context.Context, bun.Tx) error {
			close(locked)
			<-release
			return nil
		})
	}()
	<-locked
	time.AfterFunc(200*time.Millisecond, func() { close(release) })
	create(t, s)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
