//go:build linux

package cli_test

import (
	"os/exec"
	"strings"
	"testing"
)

// The demo is run where there is no network but the loopback interface.
func TestDemoWithoutNetwork(t *testing.T) {
	t.Parallel()
	needTools(t, "unshare", "busybox", "sh")
	const alone = "busybox ip link set lo up && "
	if out, err := exec.CommandContext(t.Context(), "unshare", "-rn", "sh", "-c", alone+"true").CombinedOutput(); err != nil {
		t.Skipf("skipped: a network namespace may not be made: %v: %s", err, out)
	}
	dir := t.TempDir()
	inner := command(t, dir, "demo")
	c := command(t, dir)
	c.Path = "/bin/sh"
	c.Args = []string{"sh", "-c", `exec unshare -rn sh -c '` + alone + `exec "$0" demo' "$0"`, inner.Path}
	o := finish(t, c)
	if file, _ := demoArchive(t, dir, "zip"); o.status != 0 || !strings.Contains(o.stdout, file+" is whole: 365 files, ") {
		t.Errorf("status %d\n%s%s", o.status, o.stdout, o.stderr)
	}
}
