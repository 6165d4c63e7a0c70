//go:build unix

package cli_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// begin starts a command in a folder and waits for its first line.
func begin(t *testing.T, dir string, args ...string) *serving {
	t.Helper()
	s := &serving{cmd: command(t, dir, args...)}
	s.start(t)
	return s
}

// TestForgottenConfig: serve without --config beside a product's jobs touches nothing of
// them. A job that was handed back is still there for the product's next start, which
// makes it of the product's sections.
func TestForgottenConfig(t *testing.T) {
	t.Parallel()
	dir := gatedShop(t)
	d := jobsDatabase{driver: "sqlite", source: filepath.Join(dir, "exportd-data/jobs.db"), env: "NOTHING=1"}
	s := d.serve(t, dir)
	key := d.newKey(t, dir, "--organization", acme)
	job := s.request(t, key)
	s.until(t, key, job, "sealed", sealed)
	s.stop(t)
	must(t, os.Rename(filepath.Join(dir, "exportd.yaml"), filepath.Join(dir, "production.yaml")))

	demo := begin(t, dir, "serve", "--listen", "127.0.0.1:0")
	if !strings.HasPrefix(demo.greeting, "serving Acme Foods, a made-up organization, on ") {
		t.Fatalf("it says %q\n%s", demo.greeting, demo.log.String())
	}
	demo.stop(t)
	d.wantJob(t, "pending, owner \"\", attempt 1, failures 0")
	for _, name := range []string{"jobs.db", "signing.keys", "demo/exportd.yaml"} {
		if _, err := os.Stat(filepath.Join(dir, "exportd-demo", name)); err != nil {
			t.Error(err)
		}
	}

	must(t, os.Rename(filepath.Join(dir, "production.yaml"), filepath.Join(dir, "exportd.yaml")))
	openGate(t, dir)
	s = d.serve(t, dir)
	files := s.download(t, s.until(t, key, job, "ended", ended))
	if !strings.Contains(files["products/p1/product.yaml"], "Tea") {
		t.Errorf("the archive has %d files", len(files))
	}
	s.stop(t)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestConfigHere: commands use the exportd.yaml that lies in the current folder.
func TestConfigHere(t *testing.T) {
	t.Parallel()
	dir := shop(t, organizationSection)
	s := begin(t, dir, "serve", "--listen", "127.0.0.1:0")
	if !regexp.MustCompile(`^serving on http://127\.0\.0\.1:\d+, documentation at `).MatchString(s.greeting) {
		t.Errorf("it says %q\n%s", s.greeting, s.log.String())
	}
	finish(t, command(t, dir, "keys", "create", "--organization", acme)).want(t, 0)
	s.stop(t)
	for _, args := range []string{
		"check", "migrate", "run --out out --organization " + acme, "keys list --organization " + acme,
		"members list --organization " + acme, "sessions create --user zoe",
	} {
		finish(t, command(t, dir, strings.Fields(args)...)).want(t, 0)
	}
	finish(t, command(t, dir, "worker")).want(t, 2, "exportd.yaml: exportd worker needs jobs.database to be PostgreSQL")
	if listed := finish(t, command(t, dir, "keys", "list", "--organization", acme)); strings.Count(listed.stdout, "csb") != 1 {
		t.Errorf("keys are\n%s", listed.stdout)
	}
	if _, err := os.Stat(filepath.Join(dir, "exportd-demo")); !os.IsNotExist(err) {
		t.Errorf("there is a demo, %v", err)
	}

	// A link that leads nowhere is meant to be a configuration as well.
	must(t, os.Rename(filepath.Join(dir, "exportd.yaml"), filepath.Join(dir, "other.yaml")))
	must(t, os.Symlink("none.yaml", filepath.Join(dir, "exportd.yaml")))
	finish(t, command(t, dir, "serve")).want(t, 2, "exportd: open exportd.yaml: no such file or directory\n")
}

// TestNoConfig: without any configuration only serve starts a demo. The others use one
// that is there, and say so.
func TestNoConfig(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	each := []string{
		"keys list", "keys revoke a", "members remove --organization " + acme + " --user zoe", "members list --organization " + acme,
		"sessions create --user zoe", "migrate",
	}
	const none = "exportd: there is no exportd.yaml in this folder: give a configuration with --config FILE, or write one with exportd init\n"
	for _, args := range append(each, "check", "worker", "run --organization "+acme) {
		if o := finish(t, command(t, dir, strings.Fields(args)...)); o.status != 2 || o.stderr != none || o.stdout != "" {
			t.Errorf("%s: status %d\n%s%s", args, o.status, o.stdout, o.stderr)
		}
	}
	wantFiles(t, dir)
	for _, args := range []string{"run --organization " + acme, "serve", "keys list", "check"} {
		c := command(t, dir, append(strings.Fields(args), "--config", "")...)
		finish(t, c).want(t, 2, `exportd: invalid argument "" for "--config" flag: it is empty`)
	}
	wantFiles(t, dir)

	begin(t, dir, "serve", "--listen", "127.0.0.1:0").stop(t)
	const demo = "exportd: there is no --config and no exportd.yaml in this folder: this is the demo in exportd-demo\n"
	for _, args := range each {
		if o := finish(t, command(t, dir, strings.Fields(args)...)); !strings.HasPrefix(o.stderr, demo) {
			t.Errorf("%s: status %d\n%s%s", args, o.status, o.stdout, o.stderr)
		}
	}
}

// TestDemoAside: who asks for the demo where a configuration lies is told that this is not
// used.
func TestDemoAside(t *testing.T) {
	t.Parallel()
	dir := shop(t, organizationSection)
	o := finish(t, command(t, dir, "keys", "list", "--data", "my demo", "--organization", acme))
	o.want(t, 0, "exportd: exportd.yaml in this folder is not used: --data is the demo's\n")
	if _, err := os.Stat(filepath.Join(dir, "my demo/jobs.db")); err != nil {
		t.Error(err)
	}
}

// TestDemoTakesNoVariables: a database that the environment names is a product's. The
// demo does not come near it.
func TestDemoTakesNoVariables(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ORGEXPORT_JOBS_DATABASE", "ORGEXPORT_SOURCE_DATABASE", "ORGEXPORT_SIGNING_KEYS"} {
		dir, jobs := t.TempDir(), filepath.Join(t.TempDir(), "jobs.db")
		for _, args := range []string{"serve --listen 127.0.0.1:0", "keys list --data exportd-demo", "migrate --data exportd-demo"} {
			c := command(t, dir, strings.Fields(args)...)
			c.Env = append(c.Env, name+"=sqlite:"+jobs)
			finish(t, c).want(t, 2, "exportd: "+name+" is set, but there is no configuration: give one with --config FILE; the demo uses only what is in its own folder\n")
		}
		c := command(t, dir, "demo")
		c.Env = append(c.Env, name+"=sqlite:"+jobs)
		if o := finish(t, c); o.status != 0 {
			t.Errorf("%s: the demo ends with status %d\n%s", name, o.status, o.stderr)
		}
		if _, err := os.Stat(jobs); !os.IsNotExist(err) {
			t.Errorf("%s: the demo has used it, %v", name, err)
		}
	}
}
