//go:build unix

package pgtest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	poolerTimeout = time.Minute
	poolerPause   = 20 * time.Millisecond // between two looks at whether it answers
)

// Pooler starts a PgBouncer before the database at an address, in a mode such as "session"
// or "transaction", and returns the address that leads through it. It ends with the test.
// Where PgBouncer is not installed the test is skipped, or fails with REQUIRE_TOOLS=1.
func Pooler(t testing.TB, address, mode string) string {
	t.Helper()
	if _, err := exec.LookPath("pgbouncer"); err != nil {
		if os.Getenv("REQUIRE_TOOLS") == "1" {
			t.Fatal("pgtest: there is no pgbouncer, and REQUIRE_TOOLS is 1")
		}
		t.Skip("pgtest: there is no pgbouncer")
	}
	// The program refuses to be root, and then has to read this as somebody else.
	dir, err := os.MkdirTemp("", "pooler-") //nolint:usetesting // only the owner can enter a folder of the test
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	config := filepath.Join(dir, "pgbouncer.ini")
	text, through, err := poolerConfig(t.Context(), address, mode)
	if err == nil {
		err = os.Chmod(dir, 0o711) //nolint:gosec // as above
	}
	if err == nil {
		err = os.WriteFile(config, []byte(text), 0o644) //nolint:gosec // as above
	}
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	startPooler(t, config)
	waitFor(t, through)
	return through
}

// poolerConfig returns the configuration of a PgBouncer, and the address that it will have.
func poolerConfig(ctx context.Context, address, mode string) (text, through string, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", "", err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	free := l.Addr().String()
	if err := l.Close(); err != nil {
		return "", "", err
	}
	host, port, err := net.SplitHostPort(free)
	if err != nil {
		return "", "", err
	}
	password, _ := u.User.Password()
	text = fmt.Sprintf("[databases]\nx = host=%s port=%s dbname=%s user=%s password=%s\n[pgbouncer]\nlisten_addr = %s\nlisten_port = %s\n"+
		"unix_socket_dir =\nauth_type = any\npool_mode = %s\ndefault_pool_size = 40\n",
		u.Hostname(), u.Port(), strings.TrimPrefix(u.Path, "/"), u.User.Username(), password, host, port, mode)
	to := url.URL{Scheme: "postgres", User: url.UserPassword("anybody", "through-the-pooler"), Host: free, Path: "/x", RawQuery: "sslmode=disable"}
	return text, to.String(), nil
}

// startPooler starts a PgBouncer. If the test fails it has what that said.
func startPooler(t testing.TB, config string) {
	t.Helper()
	var log output
	c := exec.CommandContext(t.Context(), "pgbouncer", config)
	c.Stdout, c.Stderr = &log, &log
	if os.Geteuid() == 0 {
		const nobody = 65534
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	if err := c.Start(); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait() // it was killed
		if t.Failed() {
			t.Logf("pgbouncer says\n%s", log.String())
		}
	})
}

// waitFor waits until a database answers.
func waitFor(t testing.TB, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), poolerTimeout)
	defer cancel()
	tick := time.NewTicker(poolerPause)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, address)
		if err == nil {
			_ = conn.Close(ctx) // it has answered
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("pgtest: the pooler does not answer: %v", err)
		case <-tick.C:
		}
	}
}

// output is what a program says, for several goroutines.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
