//go:build linux

package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// onTerminal runs exportd run with everything connected to a terminal of 100
// columns, and returns what appears there.
func onTerminal(t *testing.T, dir string, flags ...string) string {
	t.Helper()
	return onTerminalOf(t, dir, 100, command(t, dir, runFlags(flags...)...))
}

// onTerminalOf runs a command with everything connected to a terminal, and returns what appears
// there.
func onTerminalOf(t *testing.T, dir string, columns int, inner *exec.Cmd) string {
	t.Helper()
	script, err := exec.LookPath("script")
	if err != nil {
		if os.Getenv("REQUIRE_TOOLS") == "1" {
			t.Fatal("there is no script of util-linux, and REQUIRE_TOOLS is 1")
		}
		t.Skip("there is no script of util-linux")
	}
	c := command(t, dir)
	c.Path = script
	line := "stty cols " + strconv.Itoa(columns) + " rows 30; '" + strings.Join(inner.Args, "' '") + "'; echo status $?"
	c.Args = []string{"script", "-qec", line, "/dev/null"}
	c.Env = slices.Concat(inner.Env, []string{"TERM=xterm"})
	o := finish(t, c)
	o.want(t, 0)
	return strings.ReplaceAll(o.stdout, "\r\n", "\n")
}

func TestBarsOnTerminal(t *testing.T) {
	t.Parallel()
	dir := shop(t, organizationSection, brokenSection, productsSection)
	out := onTerminal(t, dir, "--out", "out")
	for _, text := range []string{
		"organization      running               0 records        0 binaries\n",
		"organization      ok                    1 records        0 binaries",
		"broken            error                 0 records        0 binaries",
		"products          ok                    4 records        2 binaries",
		"\x1b[1A\x1b[J",
		"msg=\"section failed\"",
		"warning: section \"broken\"",
		"SECTION       STATUS ",
		"exportd: the archive is incomplete: 1 of 3 sections: broken (error)\nstatus 3\n",
	} {
		if !strings.Contains(out, text) {
			t.Errorf("%q is not in\n%s", text, out)
		}
	}
	// Nothing is drawn any more once the inventory is there.
	if _, after, _ := strings.Cut(out, "SECTION"); strings.Contains(after, "\x1b") {
		t.Errorf("terminal shows\n%s", out)
	}
	nothingLeft(t, dir, filepath.Join("out", stem+".zip"))
}

func TestArchiveToTerminal(t *testing.T) {
	t.Parallel()
	for _, out := range []string{"-", "/dev/tty"} {
		dir := shop(t, organizationSection)
		want := "exportd: the archive is not text: redirect standard output, or name a file with --out\n"
		if got := onTerminal(t, dir, "--out", out); !strings.HasPrefix(got, want) || strings.Contains(got, "PK") {
			t.Errorf("terminal shows\n%s", got)
		}
		nothingLeft(t, dir)
	}
}

// TestSkippedOnTerminal: the line stands above the bars.
func TestSkippedOnTerminal(t *testing.T) {
	t.Parallel()
	dir := shop(t, organizationSection, productsSection)
	missingImages(t, dir, 178)
	out := onTerminal(t, dir, "--out", "out")
	if strings.Count(out, "msg=\"items skipped\"") != 1 || strings.Contains(out, "msg=\"item skipped\"") {
		t.Errorf("terminal shows\n%s", out)
	}
	for line := range strings.Lines(out) {
		// What is logged begins its line, behind what takes the bars away.
		if strings.Contains(line, "time=") && !regexp.MustCompile(`^(\x1b\[\d+A\x1b\[J)?time=`).MatchString(line) {
			t.Errorf("torn: %q", line)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "out", stem+".zip")); err != nil {
		t.Error(err)
	}
}
