//go:build unix

package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOwnName: the command that serve prints follows the configuration of the demo,
// which may be changed.
func TestOwnName(t *testing.T) {
	needTools(t, "curl", "sh")
	dir := t.TempDir()
	command(t, dir, exportd(t), "keys", "list", "--data", "exportd-demo") // makes the demo
	file := filepath.Join(dir, "exportd-demo/demo/exportd.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text = append([]byte("api: {base_path: /v1/exports, key_prefixes: {business: acme}}\n"), text...)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	s := serveDemo(t, dir)
	if !strings.HasPrefix(s.key, "acme_") || !strings.Contains(s.url, "/v1/exports/") {
		t.Errorf("it prints %s", s.curl)
	}
	job := status(t, string(command(t, dir, "sh", "-c", s.curl)))
	s.completed(t, job.JobID)
	s.stop(t)
}
