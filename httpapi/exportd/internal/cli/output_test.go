//go:build unix

package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestStandardOutput(t *testing.T) {
	t.Parallel()
	for _, out := range []string{"-", "/dev/stdout"} {
		dir := shop(t, organizationSection, productsSection)
		o := run(t, dir, "--out", out)
		o.want(t, 0, "products      ok ", "\nfile    -\n")
		extract(t, "zip", o.stdout)
		nothingLeft(t, dir)
	}
}

func TestExistingFile(t *testing.T) {
	t.Parallel()
	dir := shop(t, organizationSection)
	file := filepath.Join(dir, "out/a.zip")
	write(t, file, "old")
	link := filepath.Join(dir, "link.zip")
	if err := os.Symlink("out/a.zip", link); err != nil {
		t.Fatal(err)
	}
	run(t, dir, "--out", "link.zip").want(t, 0)
	extract(t, "zip", read(t, file))
	if target, err := os.Readlink(link); err != nil || target != "out/a.zip" {
		t.Errorf("link is %q, %v", target, err)
	}
	nothingLeft(t, dir, "link.zip", "out/a.zip")
}

func TestNamedPipe(t *testing.T) {
	t.Parallel()
	dir := shop(t, organizationSection)
	pipe := filepath.Join(dir, "out/pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	archive := make(chan string)
	go func() {
		b, err := os.ReadFile(pipe)
		if err != nil {
			t.Error(err)
		}
		archive <- string(b)
	}()
	run(t, dir, "--out", "out/pipe").want(t, 0)
	extract(t, "zip", <-archive)
	nothingLeft(t, dir, "out/pipe")
}

func TestOutputFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ out, want string }{
		{"/dev/full", "no space left on device"},
		{"none/a.zip", "no such file or directory"},
		{"exportd.yaml/a.zip", "not a directory"},
	} {
		t.Run(filepath.Base(c.out), func(t *testing.T) {
			if _, err := os.Stat("/dev/full"); err != nil {
				t.Skip(err)
			}
			dir := shop(t, organizationSection, productsSection)
			o := run(t, dir, "--out", c.out)
			o.want(t, 1, "exportd: ", c.want)
			if o.stdout != "" || strings.Count(o.stderr, "\n") != 1 {
				t.Errorf("it says\n%s%s", o.stdout, o.stderr)
			}
			nothingLeft(t, dir)
		})
	}
}

// A pipe that nobody reads is an error, not the end of the program.
func TestBrokenPipe(t *testing.T) {
	t.Parallel()
	dir := shop(t, organizationSection, productsSection)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	c := command(t, dir, runFlags("--out", "-")...)
	c.Stdout = w
	finish(t, c).want(t, 1, "exportd: write archive: write /dev/stdout: broken pipe\n")

	c = command(t, dir, runFlags()...)
	c.Stdout = w
	finish(t, c).want(t, 1, "exportd: the archive "+stem+".zip was made, but not its inventory: ")
	nothingLeft(t, dir, stem+".zip")
}

// A limit on the size of files hits the spool or the output like a full disk.
func TestFileSizeLimit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		blocks int // of 512 bytes
		format string
	}{
		{"spool", 100, "tar.gz"},
		{"spool", 100, "zip"},
		// Each part fits, but not both.
		{"output", 1000, "zip"},
		{"output", 1000, "tar.xz"},
	} {
		t.Run(fmt.Sprint(c.name, "/", c.format), func(t *testing.T) {
			dir := shop(t, organizationSection, productsSection, strings.Replace(productsSection, "key: products", "key: again", 1))
			write(t, filepath.Join(dir, "out/a"), "old")
			inner := command(t, dir, runFlags("--format", c.format, "--out", "out/a")...)
			limited := command(t, dir)
			limited.Path = "/bin/sh"
			limited.Args = append([]string{"sh", "-c", fmt.Sprintf(`ulimit -f %d && exec "$0" "$@"`, c.blocks)}, inner.Args...)
			o := finish(t, limited)
			o.want(t, 1, "file too large\n")
			if o.stdout != "" || strings.Count(o.stderr, "\n") != 1 || read(t, filepath.Join(dir, "out/a")) != "old" {
				t.Errorf("it says\n%s%s", o.stdout, o.stderr)
			}
			nothingLeft(t, dir, "out/a")
		})
	}
}
