//go:build unix

package cli_test

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/archive/archivetest"
)

// What testdata/before-20261129.tar.gz holds: the folder of a server of that day, with a
// configuration, a key, a member, an archive, and a job that it was killed in.
const (
	beforeKey       = "csb_VceJHbhqbt3L9cZWTSdmDc513SIxwlye_26b5896c"
	beforeCompleted = "fUe4ofRCrTUv5atAGBzhQ9"
	beforePending   = "gGaRimbjLnB62bzJsLXUmY"
	beforeArchive   = "exportd-data/archives/" + acme + "/" + beforeCompleted + "/1.zip"
)

// TestFolderOfBefore starts this program in the folder that an older one has left: its
// configuration, keys, members, archives and links are good, and its job is completed.
func TestFolderOfBefore(t *testing.T) {
	t.Parallel()
	needTools(t, "tar")
	dir := t.TempDir()
	fixture, err := filepath.Abs("testdata/before-20261129.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "tar", "-xzf", fixture, "-C", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := read(t, filepath.Join(dir, beforeArchive))

	s := &serving{cmd: command(t, dir, "serve", "--config", "exportd.yaml", "--listen", "127.0.0.1:0")}
	s.start(t)
	_, rest, _ := strings.Cut(s.greeting, "serving on ")
	s.url, _, _ = strings.Cut(rest, ",")
	if s.url == "" {
		t.Fatalf("it says %q\n%s", s.greeting, s.log.String())
	}
	a := s.ask(t, beforeKey, http.MethodGet, acme, "/"+beforeCompleted)
	if a.Status != "completed" || get(t, a.Download, http.StatusOK) != want {
		t.Errorf("the job of before is %+v", a)
	}
	eventually(t, "ended", func() bool {
		a = s.ask(t, beforeKey, http.MethodGet, acme, "/"+beforePending)
		return ended(a)
	})
	if a.Status != "completed" {
		t.Fatalf("the job that was killed is %+v\n%s", a, s.log.String())
	}
	files := archivetest.Unpack(t, "tar.gz", []byte(get(t, a.Download, http.StatusOK)))
	if got := files[strings.TrimSuffix(a.Filename, ".tar.gz")+"/products/p1/product.yaml"]; !strings.Contains(got, "name: Tea\n") {
		t.Errorf("its archive has %q", got)
	}
	if o := finish(t, command(t, dir, "members", "list", "--config", "exportd.yaml", "--organization", acme)); !strings.Contains(o.stdout, "zoe") {
		t.Errorf("the members are %s%s", o.stdout, o.stderr)
	}
	finish(t, command(t, dir, "verify", beforeArchive)).want(t, 0)
	s.stop(t, beforeKey)
}
