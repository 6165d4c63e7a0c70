//go:build unix

// Package cluster_test runs the commands of README.md, as they stand there, in
// containers.
package cluster_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive/archivetest"
	"github.com/orgexport/orgexport/internal/imagetest"
)

// postgresImage is the image in compose.yaml.
const postgresImage = "postgres:18-alpine"

// folder is what the walk needs of this folder.
var folder = []string{"README.md", "compose.yaml", "exportd.yaml", "shop.sql"}

// TestWalk starts the cluster, requests an export on one node and polls it on the
// other, kills the worker that has it, downloads the archive through both nodes
// and stops the cluster.
func TestWalk(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a minute")
	}
	path, postgres := needDocker(t), needPostgres(t)
	image, _ := imagetest.Build(t, "../..")
	c := newCluster(t, path, postgres, image)
	blocks := c.blocks(t)
	last := len(blocks) - 1
	began := time.Now()
	out := c.run(t, strings.Join(blocks[:last], "\n"))
	t.Logf("the walk took %v", time.Since(began).Round(time.Millisecond))
	c.wantPolls(t, out)
	c.wantParts(t)
	c.wantArchive(t, out)
	c.wantNoSecrets(t, out)
	c.run(t, blocks[last])
	c.wantNothing(t)
}

// needDocker returns PATH with a command docker that has docker compose. The test
// is skipped where there is none, or fails with REQUIRE_DOCKER=1.
func needDocker(t *testing.T) (path string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "docker", "version", "--format", "{{.Server.Version}}").CombinedOutput(); err != nil {
		without(t, "no Docker: %v: %s", err, bytes.TrimSpace(out))
	}
	if exec.CommandContext(t.Context(), "docker", "compose", "version").Run() == nil {
		return os.Getenv("PATH")
	}
	docker, err := exec.LookPath("docker")
	if err == nil {
		_, err = exec.LookPath("docker-compose")
	}
	if err != nil {
		without(t, "no docker compose: %v", err)
	}
	bin := t.TempDir()
	write(t, filepath.Join(bin, "docker"), "#!/bin/sh\n[ \"$1\" = compose ] || exec '"+docker+"' \"$@\"\nshift\nexec docker-compose \"$@\"\n", 0o700)
	return bin + string(os.PathListSeparator) + os.Getenv("PATH")
}

// needPostgres returns the image of PostgreSQL that tests are to use, as package
// pgtest does. The test is skipped, or fails, where it cannot be had.
func needPostgres(t *testing.T) (image string) {
	t.Helper()
	if image = os.Getenv("ORGEXPORT_TEST_POSTGRES_IMAGE"); image == "" {
		image = postgresImage
	}
	if exec.CommandContext(t.Context(), "docker", "image", "inspect", image).Run() == nil {
		return image
	}
	if out, err := exec.CommandContext(t.Context(), "docker", "pull", "-q", image).CombinedOutput(); err != nil {
		without(t, "no image %s: %v: %s", image, err, bytes.TrimSpace(out))
	}
	return image
}

func without(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("REQUIRE_DOCKER") == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// cluster is a copy of this folder, with names and ports that are free.
type cluster struct {
	dir string
	env []string
}

func newCluster(t *testing.T, path, postgres, image string) *cluster {
	t.Helper()
	top := t.TempDir()
	c := &cluster{dir: filepath.Join(top, "examples/cluster")} // as deep as here, for the build's context
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	ports := freePorts(t)
	replace := strings.NewReplacer("8081", ports[0], "8082", ports[1],
		"image: orgexport-exportd\n", "image: "+image+"\n", "image: "+postgresImage+"\n", "image: "+postgres+"\n")
	for _, name := range folder {
		write(t, filepath.Join(c.dir, name), replace.Replace(read(t, name)), 0o644)
	}
	for _, text := range []string{image, postgres, "127.0.0.1:" + ports[0], "127.0.0.1:" + ports[1]} {
		if !strings.Contains(read(t, filepath.Join(c.dir, "compose.yaml")), text) {
			t.Fatalf("%s is not in the compose file", text)
		}
	}
	c.env = append(os.Environ(), "PATH="+path,
		"COMPOSE_PROJECT_NAME=orgexport-test-"+strings.ToLower(rand.Text()), "DOCKER_CLI_HINTS=false")
	t.Cleanup(func() {
		cmd := c.command(context.WithoutCancel(t.Context()), "DATABASE_PASSWORD=- SIGNING_KEYS=- docker compose down -v -t 0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	return c
}

// freePorts are two ports of this machine that were free a moment ago.
func freePorts(t *testing.T) (ports []string) {
	t.Helper()
	for range 2 {
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		_, port, _ := net.SplitHostPort(listener.Addr().String())
		ports = append(ports, port)
	}
	return ports
}

// blocks are the blocks of commands of the README that are to be run.
func (c *cluster) blocks(t *testing.T) (blocks []string) {
	t.Helper()
	for _, text := range strings.Split(read(t, filepath.Join(c.dir, "README.md")), "\n<!-- run -->\n```sh\n")[1:] {
		block, _, ok := strings.Cut(text, "\n```\n")
		if !ok {
			t.Fatal("a block of the README has no end")
		}
		blocks = append(blocks, block)
	}
	if len(blocks) < 2 {
		t.Fatal("the README has no commands")
	}
	return blocks
}

// command is a script that stops at its first failure.
func (c *cluster) command(ctx context.Context, script string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "sh", "-euc", script)
	cmd.Dir, cmd.Env = c.dir, c.env
	return cmd
}

// run runs a script and returns what it prints.
func (c *cluster) run(t *testing.T, script string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := c.command(ctx, script)
	cmd.WaitDelay = time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		logs, _ := c.command(t.Context(), "docker compose ps; docker compose logs --no-color --tail 30").CombinedOutput()
		t.Fatalf("%v\n%s\n%s\n%s", err, out, stderr.Bytes(), logs)
	}
	return string(out)
}

// status is what the API tells of a job.
type status struct {
	Status   string `json:"status"`
	Filename string `json:"output_filename"`
	Sections []struct {
		Key    string `json:"key"`
		Status string `json:"status"`
	} `json:"sections"`
}

// wantPolls fails the test unless the second node has told of the job while it ran
// and when it had ended, in two attempts.
func (c *cluster) wantPolls(t *testing.T, out string) {
	t.Helper()
	var got []string
	for line := range strings.Lines(out) {
		var s status
		if strings.HasPrefix(line, `{"job_id":`) && json.Unmarshal([]byte(line), &s) == nil {
			sections := make([]string, len(s.Sections))
			for i, section := range s.Sections {
				sections[i] = section.Key + " " + section.Status
			}
			slices.Sort(sections)
			got = append(got, s.Status+": "+strings.Join(sections, ", "))
		}
	}
	want := []string{"processing: orders ok, organization ok, products ok", "completed: orders ok, organization ok, products ok, sales ok"}
	if !slices.Equal(got, want) {
		t.Errorf("the polls give %q, want %q\n%s", got, want, out)
	}
	for _, text := range []string{"it runs on worker-", "this process helps with a job\n", "\nworker number 1 has made ", "\nworker number 3 has made ", "\ncompleted in attempt 2, of which 1 was lost\n"} {
		if !strings.Contains(out, text) {
			t.Errorf("%q is not in\n%s", text, out)
		}
	}
}

// wantParts fails the test unless all sections and shards have a part, and those of the worker that was
// killed are kept.
func (c *cluster) wantParts(t *testing.T) {
	t.Helper()
	out := c.run(t, `docker compose exec -T database psql -U postgres -d exports -Atc "SELECT parts FROM orgexport_jobs" </dev/null`)
	var parts []struct {
		Section string
		Attempt int // the number of the worker
	}
	if err := json.Unmarshal([]byte(out), &parts); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	sections, workers := make(map[string]int), make(map[int]int)
	for _, part := range parts {
		sections[part.Section]++
		workers[part.Attempt]++
	}
	if want := "map[orders:1 organization:1 products:1 sales:16]"; fmt.Sprint(sections) != want {
		t.Errorf("sections have %v parts, want %s", sections, want)
	}
	if len(workers) < 3 || workers[1] == 0 {
		t.Errorf("workers have made %v parts", workers)
	}
}

// wantArchive fails the test unless the archive is whole and has what is in the
// shop.
func (c *cluster) wantArchive(t *testing.T, out string) {
	t.Helper()
	if !strings.Contains(out, " is whole: 105 files, ") {
		t.Errorf("the archive was not checked:\n%s", out)
	}
	products := 0
	files := archivetest.Unpack(t, "zip", []byte(read(t, filepath.Join(c.dir, "export.zip"))))
	for name, text := range files {
		switch _, name, _ = strings.Cut(name, "/"); {
		case strings.HasPrefix(name, "products/acme-foods-"):
			products++
		case name == "orders/orders.csv":
			if n := strings.Count(text, "\n"); n != 5001 {
				t.Errorf("%s has %d lines", name, n)
			}
		}
	}
	if products != 100 {
		t.Errorf("there are %d products", products)
	}
}

// wantNoSecrets fails the test if a secret is in a log or in what the commands
// have printed.
func (c *cluster) wantNoSecrets(t *testing.T, out string) {
	t.Helper()
	out += c.run(t, "docker compose logs --no-color 2>&1")
	for line := range strings.Lines(read(t, filepath.Join(c.dir, ".env"))) {
		_, secret, _ := strings.Cut(strings.TrimSpace(line), "=")
		if len(secret) < 40 || strings.Contains(out, strings.TrimPrefix(secret, "1:")) {
			t.Errorf("%q is in a log", secret)
		}
	}
}

// wantNothing fails the test if anything of the cluster is left.
func (c *cluster) wantNothing(t *testing.T) {
	t.Helper()
	for _, list := range []string{"ps -aq", "volume ls -q", "network ls -q"} {
		if left := c.run(t, "docker "+list+" --filter label=com.docker.compose.project=$COMPOSE_PROJECT_NAME"); left != "" {
			t.Errorf("docker %s gives %s", list, left)
		}
	}
	entries, err := os.ReadDir(c.dir)
	if err != nil || len(entries) != len(folder) {
		t.Errorf("files are %v, %v, want %q", entries, err, folder)
	}
}
func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func write(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}
