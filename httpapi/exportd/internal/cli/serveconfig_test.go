//go:build unix

package cli_test

import (
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// configure adds keys for the server to the configuration of a shop.
func configure(t *testing.T, dir, text string) {
	t.Helper()
	file := filepath.Join(dir, "exportd.yaml")
	write(t, file, text+read(t, file))
}

// refuse starts exportd serve, which is to fail.
func refuse(t *testing.T, dir string, env ...string) outcome {
	t.Helper()
	c := command(t, dir, "serve", "--config", "exportd.yaml", "--listen", "127.0.0.1:0")
	c.Env = append(c.Env, env...)
	o := finish(t, c)
	if o.stdout != "" {
		t.Errorf("it says\n%s", o.stdout)
	}
	return o
}

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func TestServeConfiguration(t *testing.T) {
	t.Parallel()
	dir := shop(t, organizationSection)
	configure(t, dir, `server: {public_url: "https://exports.example.com"}
jobs: {database: "sqlite:jobs/j.db", workers: 1}
archives: {store: "dir:kept", retention: 90m, parts_retention: none, link_ttl: 5m}
signing: {key_file: my.keys}
`)
	if err := os.Mkdir(filepath.Join(dir, "jobs"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "my.keys"), "mine:"+strings.Repeat("A", 43)+"=\n")
	d := jobsDatabase{driver: "sqlite", source: filepath.Join(dir, "jobs/j.db"), env: "ORGEXPORT_JOBS_DATABASE="}
	key := d.newKey(t, dir, "--organization", acme)
	c := d.command(t, dir, "serve", "--config", "exportd.yaml", "--listen", freeAddress(t))
	s := &serving{cmd: c}
	s.start(t)
	if s.greeting != "serving on https://exports.example.com, documentation at https://exports.example.com/docs\n" {
		t.Fatalf("it says %q\n%s", s.greeting, s.log.String())
	}
	s.url = "http://" + c.Args[len(c.Args)-1]
	done := s.until(t, key, s.request(t, key), "ended", ended)
	link, err := url.Parse(done.Download)
	if err != nil || link.Host != "exports.example.com" || link.Query().Get("kid") != "mine" {
		t.Fatalf("the link is %q, %v", done.Download, err)
	}
	expires, err := strconv.ParseInt(link.Query().Get("expires"), 10, 64)
	if left := time.Until(time.Unix(expires, 0)); err != nil || left > 5*time.Minute || left < 4*time.Minute {
		t.Errorf("the link is good for %v, %v", left, err)
	}
	var kept int
	d.row(t, "SELECT expires_at - finished_at FROM orgexport_jobs", &kept)
	if kept != 90*60*1000 {
		t.Errorf("the archive is kept for %d ms", kept)
	}
	done.Download = s.url + link.RequestURI()
	s.download(t, done)
	eventually(t, "without parts", func() bool {
		entries, err := os.ReadDir(filepath.Join(dir, "kept/parts", done.JobID))
		return os.IsNotExist(err) || len(entries) == 0
	})
	if _, err := os.Stat(filepath.Join(dir, "kept/archives", acme, done.JobID, "1.zip")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "exportd-data")); !os.IsNotExist(err) {
		t.Errorf("there is a folder of the default name: %v", err)
	}
	s.stop(t, key, strings.Repeat("A", 43), signature(t, done.Download))
}

// A ring is changed without breaking links that are out there, until the old key
// is taken away.
func TestServeSigningKeys(t *testing.T) {
	t.Parallel()
	d, dir := inSQLite(t), shop(t, organizationSection)
	secrets := []string{strings.Repeat("A", 43), strings.Repeat("B", 42) + "A"}
	first, second := "a:"+secrets[0]+"=\n", "b:"+secrets[1]+"="
	const name = "ORGEXPORT_SIGNING_KEYS="
	s := d.serve(t, dir, name+first)
	key := d.newKey(t, dir, "--organization", acme)
	done := s.until(t, key, s.request(t, key), "ended", ended)
	s.download(t, done)
	link, err := url.Parse(done.Download)
	if err != nil || link.Query().Get("kid") != "a" {
		t.Errorf("the link is %q, %v", done.Download, err)
	}
	s.stop(t, append(secrets, key, signature(t, done.Download))...)
	for ring, code := range map[string]int{second + "\n" + first: 200, second: 403} {
		s := d.serve(t, dir, name+ring)
		fresh := s.until(t, key, done.JobID, "completed", ended)
		if !strings.Contains(fresh.Download, "&kid=b&") {
			t.Errorf("the link is %q", fresh.Download)
		}
		get(t, fresh.Download, 200)
		get(t, s.url+link.RequestURI(), code)
		s.stop(t, append(secrets, signature(t, fresh.Download), signature(t, done.Download))...)
	}
	if _, err := os.Stat(filepath.Join(dir, "exportd-data/signing.keys")); !os.IsNotExist(err) {
		t.Errorf("there is a key file: %v", err)
	}
}

// Starts that were killed while they made the key file have left what they wrote.
func TestServeKeyFileInterrupted(t *testing.T) {
	t.Parallel()
	d, dir := inSQLite(t), shop(t, organizationSection)
	for range 2 { // before the file was there, and after it was
		if err := os.MkdirAll(filepath.Join(dir, "exportd-data"), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "exportd-data/.orgexport-signing-1"), "1:"+strings.Repeat("A", 43)+"=\n")
		s := d.serve(t, dir)
		s.stop(t, secretsOf(t, dir)...)
		wantFiles(t, filepath.Join(dir, "exportd-data"), "signing.keys")
	}
	if strings.Contains(read(t, filepath.Join(dir, "exportd-data/signing.keys")), strings.Repeat("A", 43)) {
		t.Error("the key of a start that was killed is used")
	}
}

func TestServeKeyFile(t *testing.T) {
	t.Parallel()
	dir := shop(t, organizationSection)
	configure(t, dir, "signing: {key_file: my.keys}\n")
	file := filepath.Join(dir, "my.keys")
	o := refuse(t, dir)
	o.want(t, 1, "exportd: open my.keys: no such file or directory; make one by (umask 077; echo ")
	// The hint works as it is printed.
	hint := regexp.MustCompile(`; make one by (\(.*\))\n$`).FindStringSubmatch(o.stderr)
	if hint == nil {
		t.Fatalf("there is no hint in %s", o.stderr)
	}
	c := exec.CommandContext(t.Context(), "sh", "-euc", hint[1])
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.Rename(filepath.Join(dir, "FILE"), file); err != nil {
		t.Fatal(err)
	}
	for _, stop := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if s := inSQLite(t).serve(t, dir); s.signal(t, stop) != 0 || strings.Contains(s.log.String(), "level=WARN") || strings.Contains(s.log.String(), "level=ERROR") {
			t.Errorf("%v: it ended with %v\n%s", stop, s.cmd.ProcessState, s.log.String())
		}
	}

	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	refuse(t, dir).want(t, 1, "exportd: my.keys can be read by others than its owner: chmod 600 it\n")
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"":                    "exportd: sign: my.keys has no key\n",
		"sesame":              "exportd: sign: my.keys:1: a key is written ID:SECRET\n",
		"# \n1:open sesame\n": "exportd: sign: my.keys:2: the secret is not standard base64\n",
	} {
		write(t, file, text)
		if o := refuse(t, dir); o.status != 1 || o.stderr != want {
			t.Errorf("status %d, it says %swant %s", o.status, o.stderr, want)
		}
	}
	o = refuse(t, dir, "ORGEXPORT_SIGNING_KEYS=open sesame")
	if o.want(t, 1, "exportd: sign: $ORGEXPORT_SIGNING_KEYS:1: a key is written ID:SECRET\n"); strings.Contains(o.stderr, "sesame") {
		t.Errorf("it says %s", o.stderr)
	}
}

// What is wrong with a database is told without its password.
func TestServeBadDatabase(t *testing.T) {
	t.Parallel()
	const password = "open-sesame"
	for _, c := range []struct {
		env, want string
		code      int
	}{
		{"mysql://u:" + password + "@h/d", `exportd: $ORGEXPORT_JOBS_DATABASE: the database must be "sqlite:" and a path, or a postgres:// URL`, 2},
		{"postgres://u:" + password + "@h:port/d", "exportd: $ORGEXPORT_JOBS_DATABASE: the address of the PostgreSQL database is not a valid URL", 2},
		{"postgres://u:" + password + "@127.0.0.1:1/d?connect_timeout=5", "connection refused", 1},
		{"sqlite:none/jobs.db", "exportd: bunstore: open: ", 1},
		{"sqlite:.", "exportd: bunstore: open: the jobs database: ", 1},
	} {
		dir := shop(t, organizationSection)
		o := refuse(t, dir, "ORGEXPORT_JOBS_DATABASE="+c.env)
		if o.want(t, c.code, c.want); strings.Contains(o.stderr, password) {
			t.Errorf("it says %s", o.stderr)
		}
	}
}
