//go:build unix

package cli_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export/verify"
)

// wantAll waits for the end of all jobs and fails the test unless each has one
// whole archive, and nothing else is there.
func (v *victim) wantAll(t *testing.T) {
	t.Helper()
	began := time.Now()
	// Who died with a job may have to be missed for 15 s, and each such job runs alone.
	within(t, 3*time.Minute, "all ended", func() bool {
		var left int
		v.d.row(t, "SELECT count(*) FROM orgexport_jobs WHERE status IN ('pending', 'processing')", &left)
		return left == 0
	})
	took := time.Since(began)
	var files []string
	var bytes int64
	list := 0
	for _, own := range v.keys {
		all := v.jobs(t, own)
		for _, a := range all {
			path := filepath.Join("archives", own.organization, a.JobID)
			delete(v.requested, a.JobID)
			bytes += v.wantArchive(t, a)
			files = append(files, path)
		}
		list += len(all)
	}
	if len(v.requested) > 0 {
		t.Errorf("jobs that were answered for are not there: %v", v.requested)
	}
	v.wantOnly(t, files)
	var tried, lost, most int
	v.d.row(t, "SELECT sum(attempt), sum(failures), max(failures) FROM orgexport_jobs", &tried, &lost, &most)
	t.Logf("killed %d times during a start of %v and %d times later; %d requests were not answered; %d jobs, all completed in %d attempts, "+
		"of which %d are charged to a job (%d at most to one); %d bytes; the last ended %v after the last start",
		v.killed[0], v.startTakes.Round(time.Millisecond), v.killed[1], v.refused, list, tried, lost, most, bytes, took.Round(time.Millisecond))
	if tried == list {
		t.Error("no kill hit an export")
	}
	var integrity string
	if v.d.row(t, "PRAGMA integrity_check", &integrity); integrity != "ok" {
		t.Error(integrity)
	}
}

// wantArchive fails the test unless the job has an archive that is what the API
// says. It returns its size.
func (v *victim) wantArchive(t *testing.T, a answer) int64 {
	t.Helper()
	if a.Status != "completed" || a.Error != "" || a.Download == "" {
		t.Fatalf("the job is %+v\n%s", a, v.log.String())
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.Download, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	digest := sha256.Sum256(content)
	said := response.Header.Get("Repr-Digest")
	if err != nil || response.StatusCode != http.StatusOK || said != "sha-256=:"+base64.StdEncoding.EncodeToString(digest[:])+":" || int64(len(content)) != a.Size {
		t.Errorf("the link gives %s, %v, %d bytes of the digest %x; the API says %d, %s", response.Status, err, len(content), digest, a.Size, said)
	}
	format := archive.Zip()
	if strings.HasSuffix(a.Filename, ".tar.gz") {
		format = archive.TarGz()
	}
	report, err := verify.Verify(t.Context(), format, bytes.NewReader(content), verify.Options{})
	if err != nil || !report.Whole() || report.Files < 200 {
		t.Errorf("%s: %v, %+v", a.Filename, err, report)
	}
	return a.Size
}

// wantOnly fails the test unless there is one file in each of these folders of
// archives, and no other of exports anywhere.
func (v *victim) wantOnly(t *testing.T, folders []string) {
	t.Helper()
	// The parts of a job are deleted a moment after it has ended.
	eventually(t, "without parts", func() bool {
		entries, err := os.ReadDir(filepath.Join(v.dir, "exportd-data/parts"))
		return err == nil && !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() != "~tmp" })
	})
	var found []string
	for _, name := range filesOf(t, filepath.Join(v.dir, "exportd-data")) {
		if name != "signing.keys" {
			found = append(found, filepath.Dir(name))
		}
	}
	slices.Sort(folders)
	if !slices.Equal(found, folders) {
		t.Errorf("there are files in %q, want one in each of %q", found, folders)
	}
	wantFiles(t, filepath.Join(v.dir, "scratch"))
}
