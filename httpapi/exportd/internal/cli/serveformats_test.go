//go:build unix

package cli_test

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestServeFormats has requests name the formats that the configuration offers. The first
// one is the default, the contract's are refused if they are not offered, and zstd and tar
// read what comes out.
func TestServeFormats(t *testing.T) {
	t.Parallel()
	needTools(t, "tar", "zstd")
	d, dir := inSQLite(t), shop(t, organizationSection)
	configure(t, dir, "api: {archive_formats: [tar.zst, zip]}\n")
	s := d.serve(t, dir)
	key := d.newKey(t, dir, "--organization", acme)
	for _, query := range []string{"", "?archive_format=tar.zst", "?archive_format=zip"} {
		made := s.ask(t, key, http.MethodPost, acme, query)
		if made.code != http.StatusOK {
			t.Fatalf("POST %s gives %d", query, made.code)
		}
		a := s.until(t, key, made.JobID, "the export has ended", ended)
		if query != "?archive_format=zip" {
			content := get(t, a.Download, http.StatusOK)
			into := t.TempDir()
			write(t, filepath.Join(into, a.Filename), content)
			out, err := exec.CommandContext(t.Context(), "tar", "--zstd", "-tf", filepath.Join(into, a.Filename)).CombinedOutput()
			if err != nil || !strings.Contains(string(out), "organization/organization.yaml\n") || !strings.HasSuffix(a.Filename, ".tar.zst") {
				t.Errorf("POST %q makes %s: %v\n%s", query, a.Filename, err, out)
			}
			finish(t, command(t, into, "verify", a.Filename)).want(t, 0)
		} else {
			s.download(t, a)
		}
	}
	if r := s.send(t, http.MethodPost, exportsOfAcme+"?archive_format=tar.gz", "X-API-Key: "+key); r.code != http.StatusUnprocessableEntity {
		t.Errorf("tar.gz gives %d %s", r.code, r.text)
	}
	document := s.send(t, http.MethodGet, "/openapi.json", "X-API-Key: "+key).text
	if !strings.Contains(document, `"default":"tar.zst","enum":["tar.zst","zip"]`) {
		t.Errorf("the document is %s", document)
	}
	s.stop(t, key)
}
