package cli_test

import (
	"strings"
	"testing"
)

func TestHelpOfEach(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"", "audit", "audit list", "cat", "check", "completion", "config", "demo", "init",
		"jobs", "jobs cancel", "jobs list", "jobs purge", "jobs show", "keys", "keys create", "keys list",
		"keys revoke", "licenses", "list", "members", "members add", "members list", "members remove", "migrate", "run", "scrub", "serve", "sessions",
		"sessions create", "sessions list", "sessions revoke", "verify", "version", "worker"} {
		words := strings.Fields(name)
		for _, args := range [][]string{append([]string{"help"}, words...), append(words, "--help")} {
			if name == "" {
				args = args[:1]
			}
			o := finish(t, command(t, dir, args...))
			if o.status != 0 || o.stderr != "" || !strings.Contains(o.stdout, "Usage:") && name != "config" {
				t.Errorf("%q: status %d\n%s%s", args, o.status, o.stdout, o.stderr)
			}
			for line := range strings.Lines(o.stdout) {
				if !strings.Contains(line, "--") && len(line) > 100 && name != "config" {
					t.Errorf("%q: long line %s", args, line)
				}
			}
		}
	}
}

func TestVersionFlag(t *testing.T) {
	t.Parallel()
	version := ""
	for _, arg := range []string{"version", "--version", "-v", "--version=true"} {
		o := finish(t, command(t, t.TempDir(), arg))
		o.want(t, 0)
		if version == "" {
			version = o.stdout
		}
		if !strings.HasPrefix(o.stdout, "exportd ") || strings.Count(o.stdout, "\n") != 1 || o.stdout != version {
			t.Errorf("%s says %q", arg, o.stdout)
		}
	}
	o := finish(t, command(t, t.TempDir(), "--version=false"))
	o.want(t, 0)
	if !strings.Contains(o.stdout, "\n  -v, --version   version for exportd\n") || strings.Contains(o.stdout, version) {
		t.Errorf("--version=false says %s", o.stdout)
	}
	finish(t, command(t, t.TempDir(), "--version=x")).want(t, 2, `exportd: invalid argument "x" for "-v, --version" flag`)
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		o := finish(t, command(t, dir, "completion", shell))
		o.want(t, 0)
		if !strings.Contains(o.stdout, "exportd") {
			t.Errorf("%s: %s", shell, o.stdout)
		}
	}
	for name, formats := range map[string]string{
		"run": "zip\ntar.gz\ntar.xz\ntar.zst\n", "demo": "zip\ntar.gz\n", "list": "zip\ntar.gz\ntar.xz\ntar.zst\n", "verify": "zip\ntar.gz\ntar.xz\ntar.zst\n",
		"cat": "zip\ntar.gz\ntar.xz\ntar.zst\n",
	} {
		o := finish(t, command(t, dir, "__complete", name, "--format", ""))
		if !strings.HasPrefix(o.stdout, formats+":") {
			t.Errorf("%s: formats are\n%s", name, o.stdout)
		}
	}
	for _, name := range []string{"serve", "migrate", "keys", "members", "sessions", "jobs", "audit"} {
		if o := finish(t, command(t, dir, "__complete", name[:3])); !strings.HasPrefix(o.stdout, name+"\t") {
			t.Errorf("%s: completions are\n%s", name, o.stdout)
		}
	}
	if o := finish(t, command(t, dir, "__complete", "keys", "")); !strings.HasPrefix(o.stdout, "create\tMake an API key\nlist\t") {
		t.Errorf("keys: completions are\n%s", o.stdout)
	}
}
