//go:build unix

package cli_test

import (
	"bufio"
	"bytes"
	"database/sql"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver's name is pgx

	"github.com/orgexport/orgexport/archive/archivetest"
	"github.com/orgexport/orgexport/internal/pgtest"
)

// gateSection is a section that runs until the gate is open. What it makes of the
// gate is read when it begins.
const gateSection = `  - key: gate
    records:
      - {file: gate.csv, sql: "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c WHERE (SELECT closed FROM gate)) SELECT max(n) AS n FROM c WHERE :organization_id <> ''"}
`

// gatedShop is a shop whose exports do not end before openGate.
func gatedShop(t *testing.T) (dir string) {
	t.Helper()
	dir = shop(t, organizationSection, productsSection, gateSection)
	execute(t, dir, "CREATE TABLE gate (closed INTEGER); INSERT INTO gate VALUES (1)")
	return dir
}

// openGate lets the exports of the next server end.
func openGate(t *testing.T, dir string) {
	t.Helper()
	execute(t, dir, "UPDATE gate SET closed = 0")
}

// eachJobs runs a test with jobs in SQLite and in PostgreSQL.
func eachJobs(t *testing.T, test func(t *testing.T, d jobsDatabase)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, inSQLite(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, inPostgres(t))
	})
}

// inPostgres is where jobs are kept for many machines.
func inPostgres(t *testing.T) jobsDatabase {
	t.Helper()
	address := pgtest.Database(t)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	return jobsDatabase{driver: "pgx", source: address, env: "ORGEXPORT_JOBS_DATABASE=" + address, secret: password}
}

// inSQLite is where jobs are kept for one machine.
func inSQLite(t *testing.T) jobsDatabase {
	t.Helper()
	file := filepath.Join(t.TempDir(), "jobs.db")
	return jobsDatabase{driver: "sqlite", source: file, env: "ORGEXPORT_JOBS_DATABASE=sqlite:" + file}
}

// jobsDatabase is where a server keeps its jobs.
type jobsDatabase struct {
	driver, source string
	env            string // for the environment of exportd
	sourceEnv      string // the same of the database that is exported; may be empty
	secret         string // not to be seen anywhere; may be empty
}

// open opens the database past our own code. The server may be writing to it.
func (d jobsDatabase) open(t *testing.T) *sql.DB {
	t.Helper()
	source := d.source
	if d.driver == "sqlite" {
		source = "file:" + source + "?_busy_timeout=20000"
	}
	db, err := sql.Open(d.driver, source)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// row asks the database, past our own code, for one row.
func (d jobsDatabase) row(t *testing.T, query string, dst ...any) {
	t.Helper()
	db := d.open(t)
	defer db.Close()
	if err := db.QueryRowContext(t.Context(), query).Scan(dst...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// exec changes the database by hand.
func (d jobsDatabase) exec(t *testing.T, statement string) {
	t.Helper()
	db := d.open(t)
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// command is exportd with this database.
func (d jobsDatabase) command(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	c := command(t, dir, args...)
	c.Env = append(c.Env, d.env)
	if d.sourceEnv != "" {
		c.Env = append(c.Env, d.sourceEnv)
	}
	return c
}

// newKey makes an API key by exportd keys create. If nothing else is said it has
// no limits to speak of, because tests poll more often than clients may.
func (d jobsDatabase) newKey(t *testing.T, dir string, flags ...string) string {
	t.Helper()
	o := finish(t, d.command(t, dir, append([]string{"keys", "create", "--config", "exportd.yaml", "--per-minute", "1000000", "--per-day", "1000000"}, flags...)...))
	o.want(t, 0)
	if !regexp.MustCompile(`^c(sb|su|pk)_[0-9A-Za-z]{32}_[0-9a-f]{8}\n$`).MatchString(o.stdout) {
		t.Fatalf("keys create prints %q", o.stdout)
	}
	return strings.TrimSpace(o.stdout)
}

// serving is an exportd serve that runs.
type serving struct {
	cmd      *exec.Cmd
	greeting string // its first line
	said     chan string
	url      string
	ended    chan bool
	log      syncBuffer
}

// syncBuffer is a buffer that may be read while it is written.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// serve starts exportd serve in the folder of a shop, on a free port.
func (d jobsDatabase) serve(t *testing.T, dir string, env ...string) *serving {
	t.Helper()
	c := d.command(t, dir, "serve", "--config", "exportd.yaml", "--listen", "127.0.0.1:0", "--log-level", "debug")
	c.Env = append(c.Env, env...)
	s := &serving{cmd: c}
	s.listen(t)
	return s
}

// listen starts the command, which is exportd serve, and reads from its first line where it
// listens.
func (s *serving) listen(t *testing.T) {
	t.Helper()
	s.start(t)
	match := regexp.MustCompile(`^serving on (http://127\.0\.0\.1:\d+), documentation at (http://127\.0\.0\.1:\d+)/docs\n$`).FindStringSubmatch(s.greeting)
	if match == nil || match[1] != match[2] {
		t.Fatalf("it says %q\n%s", s.greeting, s.log.String())
	}
	s.url = match[1]
}

// start starts the command and waits for its first line.
func (s *serving) start(t *testing.T) {
	t.Helper()
	s.begin(t)
	s.greeting = <-s.said
}

// begin starts the command. What it says first comes by said, and is nothing if it
// ends before.
func (s *serving) begin(t *testing.T) {
	t.Helper()
	s.ended, s.said = make(chan bool), make(chan string, 1)
	s.cmd.Stderr = &s.log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.ended)
		in := bufio.NewReader(out)
		line, _ := in.ReadString('\n') // nothing, if it fails
		s.said <- line
		_, _ = io.Copy(io.Discard, in)
		_ = s.cmd.Wait() // how it ended is in ProcessState
	}()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		<-s.ended
	})
}

// signal sends a signal and returns the exit status, -1 if the signal ended it.
func (s *serving) signal(t *testing.T, signal syscall.Signal) int {
	t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	return s.wait(t)
}

func (s *serving) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-s.ended:
	case <-time.After(time.Minute):
		t.Fatalf("it does not stop:\n%s", s.log.String())
	}
	return s.cmd.ProcessState.ExitCode()
}

// stop ends it in good order, and checks that it logged no secret.
func (s *serving) stop(t *testing.T, secrets ...string) {
	t.Helper()
	if code := s.signal(t, syscall.SIGTERM); code != 0 {
		t.Errorf("SIGTERM: it ended with %v\n%s", s.cmd.ProcessState, s.log.String())
	}
	s.wantNone(t, secrets...)
}

// wantNone fails the test if any of these is in the log.
func (s *serving) wantNone(t *testing.T, secrets ...string) {
	t.Helper()
	for _, secret := range secrets {
		if secret != "" && strings.Contains(s.log.String(), secret) {
			t.Errorf("%q is in the log\n%s", secret, s.log.String())
		}
	}
}

// answer is what a client reads of an answer of the API.
type answer struct {
	code int

	JobID    string `json:"job_id"`
	Status   string `json:"status"`
	Filename string `json:"output_filename"`
	Download string `json:"download_url"`
	Size     int64  `json:"file_size_bytes"`
	Error    string `json:"error"`
	Sections []struct{ Key, Status string }
}

// ask sends a request about the exports of an organization. path is what comes
// behind that.
func (s *serving) ask(t *testing.T, key, method, organization, path string) (a answer) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+"/dashboard/api/v1/data-export/"+organization+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Api-Key", key)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatalf("%v\n%s", err, s.log.String())
	}
	defer response.Body.Close()
	if a.code = response.StatusCode; a.code != http.StatusOK {
		return a
	}
	if err := json.NewDecoder(response.Body).Decode(&a); err != nil {
		t.Fatalf("%s %s: %s: %v", method, path, response.Status, err)
	}
	return a
}

// request asks for an export of acme and returns the id of the job.
func (s *serving) request(t *testing.T, key string) (jobID string) {
	t.Helper()
	a := s.ask(t, key, http.MethodPost, acme, "?archive_format=zip")
	if a.code != http.StatusOK || a.JobID == "" {
		t.Fatalf("POST gives %+v", a)
	}
	return a.JobID
}

// until polls a job until it is so.
func (s *serving) until(t *testing.T, key, jobID, what string, is func(answer) bool) (a answer) {
	t.Helper()
	eventually(t, what, func() bool {
		a = s.ask(t, key, http.MethodGet, acme, "/"+jobID)
		return is(a)
	})
	return a
}

// sealed tells that all sections have ended but the one that waits.
func sealed(a answer) bool { return len(a.Sections) == 2 }

func ended(a answer) bool { return a.Status == "completed" || a.Status == "failed" }

// download writes the archive of a job that is completed into a folder, lets
// exportd verify check it, and returns its files.
func (s *serving) download(t *testing.T, a answer) map[string]string {
	t.Helper()
	if a.Status != "completed" || a.Error != "" || a.Download == "" {
		t.Fatalf("the job is %+v\n%s", a, s.log.String())
	}
	content := get(t, a.Download, http.StatusOK)
	dir := t.TempDir()
	write(t, filepath.Join(dir, a.Filename), content)
	finish(t, command(t, dir, "verify", a.Filename)).want(t, 0)
	return unpack(t, strings.TrimSuffix(a.Filename, ".zip"), content)
}

// get fetches a link.
func get(t *testing.T, link string, code int) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != code {
		t.Fatalf("the link gives %s, %v, want %d\n%.500s", response.Status, err, code, content)
	}
	return string(content)
}

// signature is the secret part of a link.
func signature(t *testing.T, link string) string {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil || u.Query().Get("signature") == "" {
		t.Fatalf("%q is no signed link", link)
	}
	return u.Query().Get("signature")
}

// unpack reads an archive and returns its files without the top folder.
func unpack(t *testing.T, top, content string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	for name, text := range archivetest.Unpack(t, "zip", []byte(content)) {
		rest, ok := strings.CutPrefix(name, top+"/")
		if !ok {
			t.Errorf("%s is not in %s", name, top)
		}
		files[rest] = text
	}
	return files
}
