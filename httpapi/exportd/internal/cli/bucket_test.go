//go:build unix

package cli_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/orgexport/orgexport/internal/s3test"
)

// credentialsOfBucket is what programs need for a bucket of s3test.
func credentialsOfBucket(c *exec.Cmd) *exec.Cmd {
	c.Env = append(c.Env, s3test.Environment()...)
	return c
}

// inBucket keeps archives of a shop in a bucket.
func inBucket(t *testing.T, dir string) (b s3test.Bucket) {
	t.Helper()
	b = s3test.NewBucket(t)
	configure(t, dir, "archives: {store: '"+b.URL("prod")+"'}\n")
	return b
}

// under returns the keys below a prefix.
func under(t *testing.T, b s3test.Bucket, prefix string) (keys []string) {
	t.Helper()
	for _, key := range b.Keys(t) {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	return keys
}

// TestArchivesInABucket requests, downloads by curl, and deletes an archive that is in a
// bucket, by links that lead there and by links to the server.
func TestArchivesInABucket(t *testing.T) {
	t.Parallel()
	needTools(t, "curl")
	eachJobs(t, func(t *testing.T, d jobsDatabase) {
		dir := shop(t, organizationSection, productsSection)
		b := inBucket(t, dir)
		finish(t, credentialsOfBucket(command(t, dir, "check", "--config", "exportd.yaml"))).want(t, 0)
		if keys := b.Keys(t); len(keys) > 0 {
			t.Errorf("check leaves %q", keys)
		}
		s := d.serve(t, dir, s3test.Environment()...)
		get(t, s.url+"/readyz", http.StatusOK)
		key := d.newKey(t, dir, "--organization", acme)
		job := s.request(t, key)
		done := s.until(t, key, job, "ended", ended)
		if !strings.HasPrefix(done.Download, b.Endpoint+"/"+b.Name+"/prod/archives/"+acme+"/"+job+"/") {
			t.Errorf("the link is %s", done.Download)
		}
		s.download(t, done)
		wantCurl(t, done.Download, done.Filename, get(t, done.Download, http.StatusOK))
		if n := len(under(t, b, "prod/archives/")); n != 1 || len(under(t, b, "prod/parts/"+job+"/")) != 2 {
			t.Errorf("the bucket has %q", b.Keys(t))
		}
		if files := filesOf(t, filepath.Join(dir, "exportd-data")); len(under(t, b, "prod/")) != 3 || strings.Contains(strings.Join(files, " "), ".part") {
			t.Errorf("on disk are %q", files)
		}
		var linked int
		d.row(t, "SELECT count(*) FROM orgexport_audit WHERE action = 'export.linked' AND job_id = '"+job+"'", &linked)
		if linked != 1 {
			t.Errorf("%d links are audited", linked)
		}
		finish(t, credentialsOfBucket(d.command(t, dir, "scrub", "--config", "exportd.yaml"))).want(t, 0, "damaged=0 missing=0")

		s.ask(t, key, http.MethodDelete, acme, "/"+job)
		get(t, done.Download, http.StatusNotFound)
		if keys := b.Keys(t); len(keys) > 0 {
			t.Errorf("a deleted export leaves %q", keys)
		}
		s.stop(t, key, s3test.SecretKey)

		configure(t, dir, "links: {delivery: proxied, bound: true}\n")
		s = d.serve(t, dir, s3test.Environment()...)
		done = s.until(t, key, s.request(t, key), "ended", ended)
		if !strings.HasPrefix(done.Download, s.url+"/downloads/") {
			t.Errorf("the link is %s", done.Download)
		}
		s.download(t, done)
		wantCurl(t, done.Download, done.Filename, get(t, done.Download, http.StatusOK))
		s.stop(t, key, s3test.SecretKey)
	})
}

// wantCurl downloads by curl, stops and goes on: the file has its name and its bytes.
func wantCurl(t *testing.T, link, filename, want string) {
	t.Helper()
	dir := t.TempDir()
	curl := func(args ...string) []byte {
		t.Helper()
		c := exec.CommandContext(t.Context(), "curl", append([]string{"-sSf", link}, args...)...)
		c.Dir = dir
		out, err := c.Output()
		if err != nil {
			t.Fatalf("curl %q: %v", args, err)
		}
		return out
	}
	curl("-OJ")
	if got := read(t, filepath.Join(dir, filename)); got != want {
		t.Errorf("curl gets %d bytes of %d", len(got), len(want))
	}
	if got := curl("-r", "100-199"); string(got) != want[100:200] {
		t.Errorf("curl gets %d bytes for a range, or others", len(got))
	}
	if err := os.Truncate(filepath.Join(dir, filename), 500); err != nil {
		t.Fatal(err)
	}
	curl("-C", "-", "-o", filename)
	if got := read(t, filepath.Join(dir, filename)); got != want {
		t.Errorf("curl goes on to %d bytes of %d, or others", len(got), len(want))
	}
}

// TestMoveToABucket moves a folder of archives to a bucket as the manual says, with an
// export that is in flight: the archive from before can be downloaded, and the export goes on
// with the parts that it has.
func TestMoveToABucket(t *testing.T) {
	t.Parallel()
	d := inSQLite(t)
	dir := gatedShop(t)
	openGate(t, dir)
	s := d.serve(t, dir)
	key := d.newKey(t, dir, "--organization", acme)
	before := s.until(t, key, s.request(t, key), "ended", ended)
	content := get(t, before.Download, http.StatusOK)
	execute(t, dir, "UPDATE gate SET closed = 1")
	moving := s.request(t, key)
	s.until(t, key, moving, "sealed", sealed)
	s.stop(t)

	b := s3test.NewBucket(t)
	copyTo(t, b, filepath.Join(dir, "exportd-data"), "archives", "parts")
	configure(t, dir, "archives: {store: '"+b.URL("prod")+"'}\n")
	must(t, os.RemoveAll(filepath.Join(dir, "exportd-data", "archives")))
	must(t, os.RemoveAll(filepath.Join(dir, "exportd-data", "parts")))
	execute(t, dir, "DELETE FROM members") // a section that runs again would show it
	openGate(t, dir)
	s = d.serve(t, dir, s3test.Environment()...)
	again := s.ask(t, key, http.MethodGet, acme, "/"+before.JobID)
	if got := get(t, again.Download, http.StatusOK); got != content || !strings.HasPrefix(again.Download, b.Endpoint) {
		t.Errorf("the archive from before has %d bytes, of %d, at %s", len(got), len(content), again.Download)
	}
	files := s.download(t, s.until(t, key, moving, "ended", ended))
	if !strings.Contains(files["products/members.csv"], "a@example.org") {
		t.Error("a section was run again")
	}
	s.stop(t, key, s3test.SecretKey)
}

// copyTo copies folders to a bucket, as aws s3 sync does.
func copyTo(t *testing.T, b s3test.Bucket, root string, folders ...string) {
	t.Helper()
	for _, folder := range folders {
		must(t, fs.WalkDir(os.DirFS(root), folder, func(name string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			_, err = b.Client().PutObject(t.Context(), &awss3.PutObjectInput{
				Bucket: &b.Name, Key: aws.String("prod/" + name), Body: bytes.NewReader([]byte(read(t, filepath.Join(root, name)))),
			})
			return err
		}))
	}
}

// TestAssetsInABucket has keys of objects in rows: some are there, large and small, one is
// missing, and some are of a neighbour, whose objects no key leads to.
func TestAssetsInABucket(t *testing.T) {
	t.Parallel()
	b := s3test.NewBucket(t)
	put := func(key, content string) {
		t.Helper()
		_, err := b.Client().PutObject(t.Context(), &awss3.PutObjectInput{Bucket: &b.Name, Key: &key, Body: strings.NewReader(content)})
		if err != nil {
			t.Fatal(err)
		}
	}
	large := strings.Repeat(noise, 10)
	put("media/"+acme+"/a/tea.png", "not really a picture")
	put("media/"+acme+"/large.bin", large)
	put("media/"+acme+"/empty", "")
	put("media/"+acme+"x/secret", "of a neighbour")
	put("media/other/secret", "of a neighbour")
	dir := shop(t)
	execute(t, dir, "CREATE TABLE o (organization_id TEXT, id INT, key TEXT)")
	for id, key := range []string{
		"a/tea.png", "/large.bin", "empty", "missing", "../other/secret", "a/../../other/secret", "../" + acme + "x/secret", "x/secret", "", "a",
		"media/other/secret", "%2e%2e/other/secret", "a/tea.png?versionId=1", "a/./tea.png",
	} {
		execute(t, dir, fmt.Sprintf("INSERT INTO o VALUES ('%s', %d, '%s')", acme, id, key))
	}
	store, query, _ := strings.Cut(b.URL("media/{{.organization_id}}"), "?")
	write(t, filepath.Join(dir, "exportd.yaml"), source+`  - key: files
    assets:
      - {from: "`+store+"?"+query+`", source: "{{.key}}", file: "{{.id}}", sql: "SELECT id, key FROM o WHERE organization_id = :organization_id ORDER BY id"}
  - key: everything
    assets:
      - {from: "`+store+"?"+query+`", all: true, file: media}
      - {from: "dir:files/{{.organization_id}}", all: true}
      - {from: "dir:nobodys/{{.organization_id}}", all: true, file: none}
`)
	must(t, os.MkdirAll(filepath.Join(dir, "files", acme, "deep"), 0o700))
	must(t, os.MkdirAll(filepath.Join(dir, "nobodys"), 0o700))
	write(t, filepath.Join(dir, "files", acme, "deep", "b.txt"), "of the folder")
	must(t, os.Symlink("../../images/tea.png", filepath.Join(dir, "files", acme, "link")))
	finish(t, credentialsOfBucket(command(t, dir, "check", "--config", "exportd.yaml"))).want(t, 0)
	export := func(file string) map[string]string {
		t.Helper()
		finish(t, credentialsOfBucket(command(t, dir, runFlags("--out", file)...))).want(t, 3, "files", "everything")
		return extract(t, "zip", read(t, filepath.Join(dir, file)))
	}
	files := export("out/a.zip")
	for name, want := range map[string]string{
		"0": "not really a picture", "1": large, "2": "", "13": "not really a picture",
		"3": "-", "4": "-", "5": "-", "6": "-", "7": "-", "8": "-", "9": "-", "10": "-", "11": "-", "12": "-",
	} {
		if got, ok := files[stem+"/files/"+name]; ok == (want == "-") || ok && got != want {
			t.Errorf("%s has %d bytes, want %.20q", name, len(got), want)
		}
	}
	for name, want := range map[string]string{
		"media/a/tea.png": "not really a picture", "media/large.bin": large, "media/empty": "", "deep/b.txt": "of the folder",
	} {
		if got, ok := files[stem+"/everything/"+name]; !ok || got != want {
			t.Errorf("%s of all files has %d bytes, want %.20q", name, len(got), want)
		}
	}
	if n := strings.Count(strings.Join(slices.Collect(maps.Keys(files)), "\n"), "/everything/"); n != 5 || !strings.Contains(files[stem+"/everything/_skipped.ndjson"], `"link"`) {
		t.Errorf("%d files of everything, skipped are\n%s", n, files[stem+"/everything/_skipped.ndjson"])
	}
	if skipped := files[stem+"/files/_skipped.ndjson"]; strings.Count(skipped, "\n") != 10 || strings.Count(skipped, "The file was not found.") != 6 {
		t.Errorf("skipped are\n%s", skipped)
	}
	if read(t, filepath.Join(dir, "out/a.zip")) != func() string { export("out/b.zip"); return read(t, filepath.Join(dir, "out/b.zip")) }() {
		t.Error("two exports have other bytes")
	}
}

// TestCheckBucket has what is wrong with a bucket.
func TestCheckBucket(t *testing.T) {
	t.Parallel()
	b := s3test.NewBucket(t)
	none := b
	none.Name = "there-is-none"
	for name, c := range map[string]struct {
		store, secret, want string
	}{
		"no bucket":      {none.URL("p"), s3test.SecretKey, "NoSuchBucket"},
		"a wrong secret": {b.URL("p"), "another-secret-key", "SignatureDoesNotMatch"},
		"no credentials": {b.URL("p"), "", "exportd.yaml:1: the bucket cannot be used"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := shop(t, organizationSection)
			configure(t, dir, "archives: {store: '"+c.store+"'}\n")
			cmd := command(t, dir, "check", "--config", "exportd.yaml")
			cmd.Env = append(cmd.Env, "AWS_EC2_METADATA_DISABLED=true")
			if c.secret != "" {
				cmd.Env = append(cmd.Env, "AWS_ACCESS_KEY_ID="+s3test.AccessKey, "AWS_SECRET_ACCESS_KEY="+c.secret)
			}
			finish(t, cmd).want(t, 1, c.want)
		})
	}
}
