//go:build unix

// Package deploy_test tries what is in this folder: the image runs, the unit is one, and the
// configuration for Kubernetes can be loaded.
package deploy_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	_ "modernc.org/sqlite"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/internal/imagetest"
)

const top = "../../.."

const (
	acme     = "aQUEktNMu3Fe65ax6FSWEb"
	exported = "/dashboard/api/v1/data-export/" + acme
	settings = `archive: {prefix: shop}
source: {database: "sqlite:shop.db"}
organization: {sql: "SELECT id, slug, name FROM organizations WHERE id = :organization_id"}
server: {listen: ":8080"}
jobs: {database: "sqlite:/data/jobs.db"}
archives: {store: "dir:/data/archives"}
sections:
  - {key: organization, records: [{file: organization.yaml, sql: "SELECT * FROM organizations WHERE id = :organization_id"}]}
`
)

// TestImage exports in a container that may write to its volume and to /tmp, and to nothing else.
func TestImage(t *testing.T) {
	need(t, "docker", "REQUIRE_DOCKER")
	if out, err := exec.CommandContext(t.Context(), "docker", "version").CombinedOutput(); err != nil {
		lack(t, "Docker: "+string(out), "REQUIRE_DOCKER")
	}
	image, program := imagetest.Build(t, top)
	size, err := strconv.ParseInt(docker(t, "image", "inspect", "-f", "{{.Size}}", image), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the image has %d bytes, the program %d", size, program)
	if size > program+15_000_000 {
		t.Errorf("the image has %d bytes more than the program", size-program)
	}
	if user := docker(t, "image", "inspect", "-f", "{{.Config.User}}", image); user != "65532:65532" {
		t.Errorf("the image's user is %q", user)
	}
	began := time.Now()
	id := docker(t, "run", "-d", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
		"-e", "ORGEXPORT_SIGNING_KEYS=first:"+base64.StdEncoding.EncodeToString(make([]byte, 32)),
		"-v", "/data", "-v", shop(t)+":/etc/exportd:ro", "-p", "127.0.0.1::8080", image, "serve", "--config", "/etc/exportd/exportd.yaml")
	t.Cleanup(func() {
		if out, err := exec.CommandContext(context.WithoutCancel(t.Context()), "docker", "rm", "-f", "-v", id).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	url := "http://" + strings.Fields(docker(t, "port", id, "8080"))[0]
	for send(t, http.MethodGet, url+"/healthz", "") == "" {
		if time.Since(began) > time.Minute {
			t.Fatalf("it does not answer: %s", docker(t, "logs", id))
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Logf("it answers after %v", time.Since(began).Round(time.Millisecond))
	key := docker(t, "exec", id, "/exportd", "keys", "create", "--config", "/etc/exportd/exportd.yaml", "--organization", acme)
	send(t, http.MethodPost, url+exported, key)
	for !strings.Contains(send(t, http.MethodGet, url+exported, key), `"status":"completed"`) {
		if time.Since(began) > time.Minute {
			t.Fatalf("the export does not end: %s", docker(t, "logs", id))
		}
		time.Sleep(50 * time.Millisecond)
	}
	stopping := time.Now()
	docker(t, "stop", "-t", "60", id)
	t.Logf("it stops within %v", time.Since(stopping).Round(time.Millisecond))
	if state := docker(t, "inspect", "-f", "{{.State.ExitCode}} {{.State.OOMKilled}}", id); state != "0 false" {
		t.Errorf("it has stopped with %s: %s", state, docker(t, "logs", id))
	}
}

// shop returns a folder with a configuration and its database, which everybody may read.
func shop(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "exportd.yaml"), []byte(settings), 0o644); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, "shop.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE organizations AS SELECT ? AS id, 'acme' AS slug, 'Acme' AS name", acme); err != nil {
		t.Fatal(err)
	}
	return dir
}

// send returns the body of a response that is no error, or nothing.
func send(t *testing.T, method, url, key string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-API-Key", key)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode >= http.StatusBadRequest {
		return ""
	}
	return string(body)
}

// systemd finds nothing wrong with the unit, and it leaves little that an intruder could use: 0 is
// nothing, 10 is all.
func TestUnit(t *testing.T) {
	need(t, "systemd-analyze", "REQUIRE_TOOLS")
	text, err := os.ReadFile("exportd.service")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	unit, program := filepath.Join(dir, "exportd.service"), filepath.Join(dir, "exportd")
	for name, content := range map[string][]byte{unit: bytes.ReplaceAll(text, []byte("/usr/local/bin/exportd"), []byte(program)), program: []byte("#!/bin/sh\n")} {
		if err := os.WriteFile(name, content, 0o755); err != nil { //nolint:gosec // it has to be executable
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(t.Context(), "systemd-analyze", "verify", "--man=no", unit).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "exportd.service") && !strings.Contains(line, "executable") {
			t.Errorf("%v: %s", err, line)
		}
	}
	out, err = exec.CommandContext(t.Context(), "systemd-analyze", "security", "--offline=true", "--threshold=20", unit).CombinedOutput() // 2.0
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// object is what this test looks at of an object of Kubernetes.
type object struct {
	Kind     string
	Metadata struct{ Name string }
	Data     map[string]string
	Spec     struct {
		Replicas int
		Template struct {
			Spec struct {
				Grace           int `yaml:"terminationGracePeriodSeconds"`
				SecurityContext struct {
					RunAsNonRoot bool `yaml:"runAsNonRoot"`
				} `yaml:"securityContext"`
				Containers []struct {
					Args            []string
					SecurityContext struct {
						ReadOnly  bool `yaml:"readOnlyRootFilesystem"`
						Escalates bool `yaml:"allowPrivilegeEscalation"`
					} `yaml:"securityContext"`
				}
			}
		}
	}
}

// The configuration is one, and a node has time to stop as it says.
func TestKubernetes(t *testing.T) {
	f, err := os.Open("kubernetes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var deployments []object
	var loaded *config.Config
	for d := yaml.NewDecoder(f); ; {
		var o object
		if err := d.Decode(&o); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		switch o.Kind {
		case "ConfigMap":
			file := filepath.Join(t.TempDir(), "exportd.yaml")
			if err := os.WriteFile(file, []byte(o.Data["exportd.yaml"]), 0o600); err != nil {
				t.Fatal(err)
			}
			if loaded, err = config.Load(file); err != nil {
				t.Fatal(err)
			}
		case "Deployment":
			deployments = append(deployments, o)
		}
	}
	if loaded == nil || len(deployments) != 2 {
		t.Fatalf("there are %d deployments", len(deployments))
	}
	for _, d := range deployments {
		spec := d.Spec.Template.Spec
		needed := loaded.Server.Drain + 30*time.Second
		if spec.Containers[0].Args[0] == "worker" {
			needed = loaded.Jobs.StopTimeout
		}
		if grace := time.Duration(spec.Grace) * time.Second; grace <= needed || d.Spec.Replicas < 2 || !spec.SecurityContext.RunAsNonRoot {
			t.Errorf("%s: it has %v to stop and needs %v: %+v", d.Metadata.Name, grace, needed, d.Spec)
		}
		for _, c := range spec.Containers {
			if !c.SecurityContext.ReadOnly || c.SecurityContext.Escalates {
				t.Errorf("%s: a container may write or more: %+v", d.Metadata.Name, c)
			}
		}
	}
}

// docker returns what a command prints.
func docker(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "docker", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("docker %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// need skips the test without a program, or fails it where skips are forbidden.
func need(t *testing.T, program, required string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		lack(t, program, required)
	}
}

func lack(t *testing.T, what, required string) {
	t.Helper()
	if os.Getenv(required) == "1" {
		t.Fatalf("there is no %s, and %s is 1", what, required)
	}
	t.Skip("there is no " + what)
}
