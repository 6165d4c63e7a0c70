//go:build unix

package cli_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive/archivetest"
)

// secretsOf are the secrets of the signing key that serve has made, and of links.
func secretsOf(t *testing.T, dir string, links ...string) []string {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(read(t, filepath.Join(dir, "exportd-data/signing.keys"))), "\n")
	_, secret, ok := strings.Cut(lines[len(lines)-1], ":")
	if !ok || secret == "" {
		t.Fatalf("the key file has %q", lines)
	}
	secrets := []string{secret}
	for _, link := range links {
		secrets = append(secrets, signature(t, link))
	}
	return secrets
}

// A server that is told to stop in the middle of an export hands it back. The
// next one goes on with it, and does not run again what was finished.
func TestServeHandsBack(t *testing.T) {
	t.Parallel()
	eachJobs(t, func(t *testing.T, d jobsDatabase) {
		dir := gatedShop(t)
		s := d.serve(t, dir)
		key := d.newKey(t, dir, "--organization", acme)
		job := s.request(t, key)
		s.until(t, key, job, "sealed", sealed)
		host, err := os.Hostname()
		if err != nil {
			t.Fatal(err)
		}
		d.wantJob(t, fmt.Sprintf("processing, owner \"%s:%d\", attempt 1, failures 0", host, s.cmd.Process.Pid))
		if again := s.request(t, key); again != job {
			t.Errorf("the same request gives job %s, then %s", job, again)
		}
		began := time.Now()
		s.stop(t, append(secretsOf(t, dir), key, d.secret)...)
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it took %v to stop", took)
		}
		d.wantJob(t, "pending, owner \"\", attempt 1, failures 0")

		openGate(t, dir)
		execute(t, dir, "UPDATE products SET name = 'Coffee'")
		s = d.serve(t, dir)
		done := s.until(t, key, job, "ended", ended)
		files := s.download(t, done)
		if text := files["products/p1/product.yaml"]; !strings.Contains(text, "Tea") {
			t.Errorf("the section that was finished was run again:\n%s", text)
		}
		if text := files["gate/gate.csv"]; text != "n\r\n1\r\n" && text != "n\n1\n" {
			t.Errorf("the section that was interrupted made %q", text)
		}
		d.wantJob(t, "completed, owner \"\", attempt 2, failures 0")
		s.stop(t, append(secretsOf(t, dir, done.Download), key, d.secret)...)
	})
}

// wantJob fails the test if the one job is in another state.
func (d jobsDatabase) wantJob(t *testing.T, want string) {
	t.Helper()
	var status, owner string
	var attempt, failures int
	d.row(t, "SELECT status, lease_owner, attempt, failures FROM orgexport_jobs", &status, &owner, &attempt, &failures)
	if got := fmt.Sprintf("%s, owner %q, attempt %d, failures %d", status, owner, attempt, failures); got != want {
		t.Errorf("the job is %s, want %s", got, want)
	}
}

// A server that is killed in the middle of an export says nothing. Its job is
// taken up once the lease is over.
func TestServeKilled(t *testing.T) {
	t.Parallel()
	kills := 2
	if archivetest.Long() {
		kills = 12
	}
	for i := range kills {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			d, dir := inSQLite(t), gatedShop(t)
			s := d.serve(t, dir)
			key := d.newKey(t, dir, "--organization", acme)
			job := s.request(t, key)
			switch i {
			case 0:
				s.until(t, key, job, "sealed", sealed)
			case 1:
				s.until(t, key, job, "processing", func(a answer) bool { return a.Status == "processing" })
			default:
				time.Sleep(rand.N(500 * time.Millisecond)) // anywhere
			}
			if code := s.signal(t, syscall.SIGKILL); code != -1 {
				t.Fatalf("it ended with status %d", code)
			}
			killed := time.Now()
			openGate(t, dir)
			s = d.serve(t, dir)
			done := s.until(t, key, job, "ended", ended)
			t.Logf("completed %v after the kill", time.Since(killed).Round(time.Millisecond))
			if took := time.Since(killed); took > 30*time.Second { // the lease is 15 s
				t.Errorf("it took %v", took)
			}
			s.download(t, done)
			if i < 2 {
				d.wantJob(t, "completed, owner \"\", attempt 2, failures 1")
			}
			archives, err := filepath.Glob(filepath.Join(dir, "exportd-data/archives", acme, job, "*"))
			if err != nil || len(archives) != 1 {
				t.Errorf("archives of the job are %q, %v", archives, err)
			}
			s.stop(t, append(secretsOf(t, dir, done.Download), key)...)
		})
	}
}

// A request that the server has begun with is answered, though it was told to
// stop in between.
func TestServeFinishesRequests(t *testing.T) {
	t.Parallel()
	d, dir := inSQLite(t), shop(t, organizationSection)
	s := d.serve(t, dir)
	key := d.newKey(t, dir, "--organization", acme)
	address := strings.TrimPrefix(s.url, "http://")
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	if _, err := fmt.Fprintf(conn, "POST /dashboard/api/v1/data-export/%s?archive_format=zip HTTP/1.1\r\nHost: %s\r\nX-API-Key: %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n", acme, address, key); err != nil {
		t.Fatal(err)
	}
	// The server asks for the body, so it is at it.
	if line, err := in.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("the server says %q, %v", line, err)
	}
	if _, err := in.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, "closed to others", func() bool {
		other, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
		if err == nil {
			other.Close()
		}
		return err != nil
	})
	if _, err := conn.Write([]byte("{}")); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var a answer
	if err := json.NewDecoder(response.Body).Decode(&a); err != nil || response.StatusCode != http.StatusOK || a.Status != "pending" {
		t.Errorf("it answers %s, %+v, %v", response.Status, a, err)
	}
	if code := s.wait(t); code != 0 {
		t.Errorf("status %d\n%s", code, s.log.String())
	}
	d.wantJob(t, "pending, owner \"\", attempt 0, failures 0")
}

// What is wrong with the organization is for the log; the client gets a text that
// says no more than it may know.
func TestServeUnknownOrganization(t *testing.T) {
	t.Parallel()
	d, dir := inSQLite(t), shop(t, organizationSection)
	s := d.serve(t, dir)
	const nobody = "kTwSnJcgYWjgqjShA4YEaV"
	execute(t, dir, "INSERT INTO organizations VALUES ('"+nobody+"', 'gone', 'Gone', NULL)")
	key := d.newKey(t, dir, "--organization", nobody)
	execute(t, dir, "DELETE FROM organizations WHERE id = '"+nobody+"'")
	a := s.ask(t, key, http.MethodPost, nobody, "")
	eventually(t, "ended", func() bool {
		a = s.ask(t, key, http.MethodGet, nobody, "/"+a.JobID)
		return ended(a)
	})
	if a.Status != "failed" || a.Error != "The organization could not be read." || a.Download != "" {
		t.Errorf("the job is %+v", a)
	}
	s.stop(t, key)
	if !strings.Contains(s.log.String(), nobody+`\" not found`) {
		t.Errorf("the log does not tell why:\n%s", s.log.String())
	}
}
