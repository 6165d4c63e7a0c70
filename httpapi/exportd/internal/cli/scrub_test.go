//go:build unix

package cli_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// archiveFile is where the archive of a job of acme is kept.
func archiveFile(t *testing.T, dir, jobID string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "exportd-data/archives", acme, jobID, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("archives of job %s are %q, %v", jobID, files, err)
	}
	return files[0]
}

// TestScrub spoils archives on the disk under a running server, by a byte, by half and
// altogether, and looks at them through the API, the links that are out and a scrub.
func TestScrub(t *testing.T) {
	t.Parallel()
	eachJobs(t, func(t *testing.T, d jobsDatabase) {
		dir := shop(t, organizationSection, productsSection)
		metrics := freeAddress(t)
		configure(t, dir, "metrics: {listen: '"+metrics+"'}\n")
		s := d.serve(t, dir)
		key := d.newKey(t, dir, "--organization", acme)
		complete := func(query string) answer {
			t.Helper()
			a := s.ask(t, key, http.MethodPost, acme, "?archive_format=zip"+query)
			return s.until(t, key, a.JobID, "completed", func(a answer) bool { return a.Status == "completed" })
		}
		flipped, truncated, deleted, good := complete(""), complete(""), complete(""), complete("")
		spoil := func(a answer, change func(b []byte) []byte) {
			t.Helper()
			file := archiveFile(t, dir, a.JobID)
			write(t, file, string(change([]byte(read(t, file)))))
		}
		flip := func(b []byte) []byte { b[len(b)/2] ^= 1; return b }
		spoil(flipped, flip)
		spoil(truncated, func(b []byte) []byte { return b[:len(b)/2] })
		if err := os.Remove(archiveFile(t, dir, deleted.JobID)); err != nil {
			t.Fatal(err)
		}

		poll := func(a answer) answer { return s.ask(t, key, http.MethodGet, acme, "/"+a.JobID) }
		wantNoLink := func(when string, all ...answer) {
			t.Helper()
			for _, a := range all {
				if got := poll(a); got.code != http.StatusOK || got.Status != "completed" || got.Download != "" || !strings.Contains(got.Error, "request the export again") {
					t.Errorf("%s a poll gives %+v", when, got)
				}
			}
		}
		wantNoLink("once they are spoiled", truncated, deleted, truncated, deleted)
		get(t, truncated.Download, http.StatusGone)
		get(t, deleted.Download, http.StatusGone) // it is marked by now
		if text := get(t, "http://"+metrics+"/metrics", http.StatusOK); !strings.Contains(text, "\norgexport_archives_damaged 2\n") {
			t.Errorf("two archives are damaged, the metrics are\n%s", text)
		}
		if n := strings.Count(s.log.String(), `msg="archive damaged"`); n != 2 {
			t.Errorf("the server tells of %d damaged archives, want 2\n%s", n, s.log.String())
		}

		for range 2 {
			o := finish(t, d.command(t, dir, "scrub", "--config", "exportd.yaml", "--rate", "50MB/s"))
			o.want(t, 1, "exportd: 3 of 4 archives are bad: 2 damaged, 1 missing, 0 cannot be read\n")
			for _, line := range []string{
				fmt.Sprintf("%s  organization %s: the archive has another SHA-256 than when it was made\n", flipped.JobID, acme),
				fmt.Sprintf("%s  organization %s: the archive has %d bytes, not %d\n", truncated.JobID, acme, truncated.Size/2, truncated.Size),
				fmt.Sprintf("%s  organization %s: the archive is missing\n", deleted.JobID, acme),
			} {
				if !strings.Contains(o.stdout, line) || strings.Count(o.stdout, "\n") != 3 {
					t.Errorf("scrub prints\n%swant\n%s", o.stdout, line)
				}
			}
		}
		wantNoLink("once they are scrubbed", flipped, truncated, deleted)
		get(t, flipped.Download, http.StatusGone)
		if text := get(t, "http://"+metrics+"/metrics", http.StatusOK); !strings.Contains(text, "\norgexport_archives_damaged 3\n") {
			t.Errorf("three archives are damaged, the metrics are\n%s", text)
		}
		s.download(t, poll(good))
		s.download(t, complete(""))
		s.download(t, complete("&retry_of="+flipped.JobID))

		spoil(flipped, flip) // it is restored
		for _, a := range []answer{truncated, deleted} {
			if got := s.ask(t, key, http.MethodDelete, acme, "/"+a.JobID); got.code != http.StatusNoContent {
				t.Errorf("DELETE gives %+v", got)
			}
		}
		o := finish(t, d.command(t, dir, "scrub", "--config", "exportd.yaml"))
		o.want(t, 0, `msg="archive whole again"`, flipped.JobID)
		if !strings.HasPrefix(o.stdout, "4 archives are whole, ") {
			t.Errorf("scrub prints %q", o.stdout)
		}
		s.download(t, poll(flipped))
		s.stop(t, append(secretsOf(t, dir, flipped.Download), key, d.secret)...)
	})
}

// TestScrubOfNoFolder has a folder of archives that is not there, such as a disk that is
// not mounted: that is no damage.
func TestScrubOfNoFolder(t *testing.T) {
	t.Parallel()
	d, dir := inSQLite(t), shop(t, organizationSection)
	s := d.serve(t, dir)
	key := d.newKey(t, dir, "--organization", acme)
	job := s.request(t, key)
	done := s.until(t, key, job, "completed", func(a answer) bool { return a.Status == "completed" })
	folder := filepath.Join(dir, "exportd-data/archives")
	if err := os.Rename(folder, folder+".away"); err != nil {
		t.Fatal(err)
	}
	finish(t, d.command(t, dir, "scrub", "--config", "exportd.yaml")).want(t, 1, "exportd: there is no folder ")
	if a := s.ask(t, key, http.MethodGet, acme, "/"+job); a.Download == "" || a.Error != "" {
		t.Errorf("without the folder a poll gives %+v", a)
	}
	if err := os.Rename(folder+".away", folder); err != nil {
		t.Fatal(err)
	}
	o := finish(t, d.command(t, dir, "scrub", "--config", "exportd.yaml", "--log-level", "warn"))
	o.want(t, 0)
	if want := fmt.Sprintf("1 archive is whole, %d bytes read\n", done.Size); o.stdout != want {
		t.Errorf("scrub prints %q, want %q", o.stdout, want)
	}
	for _, rate := range []string{"fast", "0", "-1MB/s", "10MB/h", "none"} {
		finish(t, d.command(t, dir, "scrub", "--config", "exportd.yaml", "--rate", rate)).want(t, 2, "must be a size such as")
	}
	s.download(t, s.ask(t, key, http.MethodGet, acme, "/"+job))
	s.stop(t)
}
