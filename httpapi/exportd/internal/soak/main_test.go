//go:build linux

package soak_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive/archivetest"
	"github.com/orgexport/orgexport/internal/pgtest"
)

var (
	soakFor  = flag.Duration("soak.for", 0, "`DURATION` of the load (default: 15s, with -long 30m)")
	soakSeed = flag.Uint64("soak.seed", 0, "`SEED` of what is random (default: another one each time)")
)

// loadFor is how long clients put load on the servers.
func loadFor() time.Duration {
	usual := 15 * time.Second
	if archivetest.Long() {
		usual = 30 * time.Minute
	}
	return cmp.Or(*soakFor, usual)
}

// slopes reports whether the load lasts for long enough to see what grows.
func slopes() bool { return loadFor() >= 2*(warmUp+leastMeasured) }

// seeded returns a source of randomness and prints its seed, also if the test fails.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := cmp.Or(*soakSeed, rand.Uint64())
	t.Logf("-soak.seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// binary is exportd as users build it, without the race detector. It is built once.
var binary struct {
	once sync.Once
	dir  string
	err  error
}

func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv("ORGEXPORT_SOAK_LATER") == "1" && *soakFor == 0 {
		fmt.Println("skipped: ORGEXPORT_SOAK_LATER says that these tests run by themselves, with -soak.for")
		return
	}
	// Who starts the tests may ignore these signals, which programs inherit. A program
	// does not inherit that they are caught here.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer func() {
		if err := os.RemoveAll(binary.dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	pgtest.Main(m)
}

// exportd returns the path of the built command.
func exportd(t *testing.T) string {
	t.Helper()
	binary.once.Do(func() {
		//nolint:usetesting // it outlives the test that builds it
		if binary.dir, binary.err = os.MkdirTemp("", "exportd-*"); binary.err != nil {
			return
		}
		c := exec.CommandContext(context.WithoutCancel(t.Context()), "go", "build", "-o", filepath.Join(binary.dir, "exportd"), "../..")
		c.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false", "CGO_ENABLED=0")
		if out, err := c.CombinedOutput(); err != nil {
			binary.err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	if binary.err != nil {
		t.Fatal(binary.err)
	}
	return filepath.Join(binary.dir, "exportd")
}

// need skips the test, or fails it where skips are forbidden, if a tool is missing.
func need(t *testing.T, tools ...string) {
	t.Helper()
	for _, name := range tools {
		if _, err := exec.LookPath(name); err == nil {
			continue
		}
		if os.Getenv("REQUIRE_TOOLS") == "1" {
			t.Fatalf("there is no %s, and REQUIRE_TOOLS is 1", name)
		}
		t.Skipf("skipped: there is no %s", name)
	}
}

// eventually waits until it is so, and reports whether it is.
func eventually(ctx context.Context, patience time.Duration, is func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for !is() {
		if pause(ctx, 50*time.Millisecond) != nil {
			return is()
		}
	}
	return true
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
