//go:build unix

package main_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestServe does with curl what the README shows, twice: the second start finds
// what the first has left.
func TestServe(t *testing.T) {
	needTools(t, "curl", "sh", "sqlite3")
	dir := t.TempDir()
	s := serveDemo(t, dir)
	job := status(t, string(command(t, dir, "sh", "-c", strings.Replace(s.curl, "curl", "curl -sS", 1))))
	job = s.completed(t, job.JobID)

	resume(t, dir, job)
	digest := digestOf(t, s, job.Download)
	checkArchive(t, filepath.Join(dir, job.Filename), digest)
	named := t.TempDir()
	command(t, named, "curl", "-sSOJ", job.Download)
	checkArchive(t, filepath.Join(named, job.Filename), digest)
	// Nobody else may read what is kept.
	ownerOnly(t, filepath.Join(dir, "exportd-demo"))
	s.stop(t, secretsOf(t, dir, job.Download)...)

	again := serveDemo(t, dir)
	if code := again.ask(t, "-w", "%{http_code}", "-o", "/dev/null", "-H", "X-API-Key: "+s.key, again.url); code != "401" {
		t.Errorf("the key of the first start gets status %s, want 401", code)
	}
	kept := again.completed(t, job.JobID)
	if digestOf(t, again, kept.Download) != digest {
		t.Error("the archive has changed")
	}
	if s.url[strings.LastIndex(s.url, "/"):] != again.url[strings.LastIndex(again.url, "/"):] {
		t.Errorf("exports are requested at %s and %s", s.url, again.url)
	}
	again.stop(t, secretsOf(t, dir, kept.Download)...)
	if n := command(t, dir, "sqlite3", "exportd-demo/jobs.db", "SELECT count(*) FROM orgexport_audit WHERE organization_id <> '' AND action IN ('key.created', 'key.revoked', 'export.downloaded')"); string(n) != "7\n" {
		t.Errorf("the audit trail has %s entries of keys and downloads, want 3 and 4", n)
	}
	if list := string(command(t, dir, exportd(t), "keys", "list", "--organization", again.url[strings.LastIndex(again.url, "/")+1:])); strings.Count(list, "exportd serve, demo\n") != 2 {
		t.Errorf("keys are\n%s", list)
	}
}

// resume downloads an archive with curl through connections that are cut twice in
// the middle, and goes on where it was.
func resume(t *testing.T, dir string, job exportStatus) {
	t.Helper()
	file := filepath.Join(dir, job.Filename)
	var before int64
	for range 2 {
		cmd := exec.CommandContext(t.Context(), "curl", "-sS", "--connect-to", "::"+cut(t, job.Download, job.Size/3), "-C", "-", "-O", job.Download)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		const partial = 18 // of what the header says
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != partial {
			t.Fatalf("curl ends with %v: %s", err, out)
		}
		info, err := os.Stat(file)
		if err != nil || info.Size() <= before || info.Size() >= job.Size {
			t.Fatalf("%v, %v: want more than %d bytes and fewer than %d", info, err, before, job.Size)
		}
		before = info.Size()
	}
	if code := command(t, dir, "curl", "-sS", "-w", "%{http_code}", "-C", "-", "-O", job.Download); string(code) != "206" {
		t.Errorf("the download goes on with status %s, want 206", code)
	}
}

// cut listens for one connection, to be passed on to the server of a link and cut
// after n bytes of what comes back.
func cut(t *testing.T, link string, n int64) (address string) {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it does not wait
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		client, err := listener.Accept()
		if err != nil {
			return // nobody came
		}
		defer client.Close()
		server, err := net.Dial("tcp", u.Host) //nolint:noctx // of this machine
		if err != nil {
			t.Error(err)
			return
		}
		defer server.Close()
		go io.Copy(server, client) //nolint:errcheck // it ends with the connections
		if _, err := io.CopyN(client, server, n); err != nil {
			t.Error(err)
		}
	}()
	return listener.Addr().String()
}

// digestOf is the SHA-256 that the server says the archive has, in base64.
func digestOf(t *testing.T, s *serving, link string) string {
	t.Helper()
	header := s.ask(t, "-I", link)
	match := regexp.MustCompile(`(?im)^Repr-Digest: sha-256=:(\S+):\r$`).FindStringSubmatch(header)
	if match == nil {
		t.Fatalf("there is no digest in\n%s", header)
	}
	return match[1]
}

func checkArchive(t *testing.T, file, digest string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	if got := base64.StdEncoding.EncodeToString(sum[:]); got != digest {
		t.Errorf("SHA-256 of %s is %s, want %s", file, got, digest)
	}
	command(t, filepath.Dir(file), exportd(t), "verify", file)
}

// ownerOnly fails the test if others than the owner may use anything in a folder.
func ownerOnly(t *testing.T, dir string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has the mode %v", path, info.Mode())
		}
		files++
		return err
	})
	if err != nil || files < 250 {
		t.Errorf("%d files and folders, %v", files, err)
	}
}

// secretsOf are the signature of a link and the key that it was signed with.
func secretsOf(t *testing.T, dir, link string) []string {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := os.ReadFile(filepath.Join(dir, "exportd-demo/signing.keys"))
	if err != nil {
		t.Fatal(err)
	}
	_, secret, _ := strings.Cut(strings.TrimSpace(string(keys[strings.LastIndex(strings.TrimSpace(string(keys)), "\n")+1:])), ":")
	return []string{u.Query().Get("signature"), secret}
}

func TestServeRefuses(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it does not wait
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	taken := listener.Addr().String()
	const onlyHere = "exportd: the demo is served on this machine only: --listen 127.0.0.1:PORT, or give a --config\n"
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"--listen " + taken, 1, "exportd: listen tcp " + taken + ": bind: address already in use\n"},
		{"--listen 0.0.0.0:0", 2, onlyHere},
		{"--listen :0", 2, onlyHere},
		{"--listen [::]:0", 2, onlyHere},
		{"--listen example.com:0", 2, onlyHere},
		{"--listen 8080", 2, `exportd: --listen: "8080" must be an address and a port, such as 127.0.0.1:8080 or :8080` + "\n"},
		{"--config a.yaml --data b", 2, "exportd: if any flags in the group [config data] are set none of the others can be; [config data] were all set\n"},
		{"--config none.yaml", 2, "exportd: open none.yaml: no such file or directory\n"},
		{"--log-level loud", 2, `exportd: invalid argument "loud" for "--log-level" flag: `},
		{"more", 2, `exportd: "more" is an argument too many: exportd serve [--config FILE] [flags]` + "\n"},
	} {
		t.Run(c.args, func(t *testing.T) {
			dir := t.TempDir()
			cmd := exec.CommandContext(t.Context(), exportd(t), append([]string{"serve"}, strings.Fields(c.args)...)...)
			cmd.Dir = dir
			out, err := cmd.CombinedOutput()
			if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != c.code || !strings.HasPrefix(string(out), c.want) || strings.Count(string(out), "\n") != 1 {
				t.Errorf("%v, it says\n%swant %d and\n%s", err, out, c.code, c.want)
			}
		})
	}
}
