package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/jackc/pgx/v5"
)

const (
	pollers      = 16  // that ask at once
	exporters    = 16  // that request exports and wait for them
	smallExports = 400 // of 20 rows each
	pollsPerMiB  = 200 // of the mix: how many polls there are
	organization = "MqFdnSYGNHaVgU8Nhsurys"
	exportsPath  = "/dashboard/api/v1/data-export/" + organization
)

// service is a folder with exportd, as it is in this checkout, and a configuration. Its
// sections have 20 rows each, and each request asks for another one.
var service = dataset{"service", func(folder string, s sizes) error {
	build := exec.Command("go", "build", "-C", "../..", "-o", filepath.Join(folder, "exportd"), "./httpapi/exportd")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return err
	}
	config := []byte(`source: {database: "sqlite:empty.db"}
organization: {sql: "SELECT :organization_id AS id, 'acme' AS slug, 'Acme' AS name"}
jobs: {workers: 2}
limits: {requests_per_minute: 1000000000, requests_per_day: 1000000000, exports_at_once: none, exports_per_day: none}
sections:
`)
	for i := range smallExports {
		config = fmt.Appendf(config, "  - {key: rows_%d, records: [{file: rows.ndjson, sql: \"WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 20) "+
			"SELECT id, 'row ' || id AS name, :organization_id AS owner FROM n\"}]}\n", i)
	}
	return errors.Join(
		os.WriteFile(filepath.Join(folder, "exportd.yaml"), config, 0o600),
		os.WriteFile(filepath.Join(folder, "empty.db"), nil, 0o600),
		os.WriteFile(filepath.Join(folder, "polls"), fmt.Append(nil, max(1000, s.bytes>>20*pollsPerMiB)), 0o600),
	)
}}

// serviceContests are those of the server.
func serviceContests() []contest {
	onPostgres := func(c contestant) contestant {
		c.missing = noPostgres()
		return c
	}
	return []contest{
		{
			title: "Polls of 16 connections", data: service,
			ours: []contestant{
				timed("orgexport polls, SQLite", withServer(sqliteJobs, poll)),
				onPostgres(timed("orgexport polls, PostgreSQL", withServer(postgresJobs, poll))),
			},
			others: []contestant{timed("a bare Huma handler", pollBare)},
		},
		{
			title: "400 exports of 20 rows, requested and polled by 16 clients", data: service,
			ours: []contestant{
				timed("orgexport small exports, SQLite", withServer(sqliteJobs, exportSmall)),
				onPostgres(timed("orgexport small exports, PostgreSQL", withServer(postgresJobs, exportSmall))),
			},
		},
		{
			title: "The first export of a new user", data: service,
			ours: []contestant{tool("exportd demo", `cd "$(mktemp -d)" && "$IN/exportd" demo > demo.txt && mv *.zip "$OUT"`, `unzip -tqq "$OUT"`, "unzip")},
		},
	}
}

// sqliteJobs keeps jobs where exportd does so by default.
func sqliteJobs(context.Context) (variable string, err error) { return "", nil }

// postgresJobs keeps jobs in a schema of their own, which is made anew.
func postgresJobs(ctx context.Context) (variable string, err error) {
	const schema = "orgexport_benchmark"
	db, err := pgx.Connect(ctx, os.Getenv(postgresVariable))
	if err != nil {
		return "", err
	}
	_, err = db.Exec(ctx, "DROP SCHEMA IF EXISTS "+schema+" CASCADE; CREATE SCHEMA "+schema)
	if err := errors.Join(err, db.Close(ctx)); err != nil {
		return "", err
	}
	address, err := url.Parse(os.Getenv(postgresVariable))
	if err != nil {
		return "", err
	}
	query := address.Query()
	query.Set("search_path", schema)
	address.RawQuery = query.Encode()
	return "ORGEXPORT_JOBS_DATABASE=" + address.String(), nil
}

// server is exportd, in a folder of its own.
type server struct {
	cmd *exec.Cmd
	url string
	key string
}

// withServer runs work against a server that has just started.
func withServer(jobs func(context.Context) (string, error), work func(ctx context.Context, s *server, in string) error) func(ctx context.Context, in, out string) error {
	return func(ctx context.Context, in, _ string) (err error) {
		dir, err := os.MkdirTemp("", "orgexport-benchmarks-")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		for _, name := range []string{"exportd.yaml", "empty.db"} {
			if err := os.Link(filepath.Join(in, name), filepath.Join(dir, name)); err != nil {
				return err
			}
		}
		variable, err := jobs(ctx)
		if err != nil {
			return err
		}
		s, err := startServer(ctx, filepath.Join(in, "exportd"), dir, variable)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.stop()) }()
		return work(ctx, s, in)
	}
}

func startServer(ctx context.Context, program, dir, variable string) (*server, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil { // for exportd
		return nil, err
	}
	run := func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, program, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), variable)
		return cmd
	}
	s := &server{cmd: run("serve", "--listen", address, "--log-level", "warn"), url: "http://" + address}
	s.cmd.Stderr = os.Stderr
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := ask(ctx, http.DefaultClient, http.MethodGet, s.url+"/readyz", ""); err == nil {
			break
		}
		if time.Now().After(deadline) {
			return nil, errors.Join(errors.New("exportd is not ready"), s.stop())
		}
	}
	key, err := run("keys", "create", "--organization", organization).Output()
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	s.key = strings.TrimSpace(string(key))
	return s, nil
}

func (s *server) stop() error {
	_ = s.cmd.Process.Signal(os.Interrupt)
	return s.cmd.Wait()
}

// job is what polls tell.
type job struct {
	ID     string `json:"job_id"`
	Status string `json:"status"`
}

// ask sends a request and returns the body of the answer.
func ask(ctx context.Context, client *http.Client, method, url, key string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	r.Header.Set("X-API-Key", key)
	response, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s: %s", method, url, response.Status, body)
	}
	return body, err
}

// export requests an export of one section and polls it until it is completed.
func (s *server) export(ctx context.Context, client *http.Client, section int) (jobURL string, err error) {
	body, err := ask(ctx, client, http.MethodPost, fmt.Sprintf("%s%s?archive_format=zip&sections=rows_%d", s.url, exportsPath, section), s.key)
	for {
		var j job
		if err == nil {
			err = json.Unmarshal(body, &j)
		}
		switch {
		case err != nil:
			return "", err
		case j.Status == "completed":
			return jobURL, nil
		case j.Status == "failed":
			return "", fmt.Errorf("the export has failed: %s", body)
		}
		time.Sleep(50 * time.Millisecond)
		jobURL = s.url + exportsPath + "/" + j.ID
		body, err = ask(ctx, client, http.MethodGet, jobURL, s.key)
	}
}

// poll polls a job that is completed.
func poll(ctx context.Context, s *server, in string) error {
	url, err := s.export(ctx, http.DefaultClient, 0)
	if err != nil {
		return err
	}
	return pollMany(ctx, in, url, s.key)
}

// pollBare polls a Huma handler that does nothing but answer with as many bytes.
func pollBare(ctx context.Context, in, _ string) error {
	mux := http.NewServeMux()
	type output struct{ Body struct{ Text string } }
	huma.Get(humago.New(mux, huma.DefaultConfig("bare", "1")), "/export/{id}", func(context.Context, *struct {
		ID string `path:"id"`
	}) (*output, error) {
		out := new(output)
		out.Body.Text = strings.Repeat("x", 700)
		return out, nil
	})
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }() // until it is closed
	return errors.Join(pollMany(ctx, in, "http://"+listener.Addr().String()+"/export/1", ""), server.Close())
}

// pollMany sends many polls, and tells how long that took.
func pollMany(ctx context.Context, in, url, key string) error {
	text, err := os.ReadFile(filepath.Join(in, "polls"))
	if err != nil {
		return err
	}
	var polls int
	if _, err := fmt.Sscan(string(text), &polls); err != nil {
		return err
	}
	return many(pollers, polls, func(client *http.Client, _ int) error {
		_, err := ask(ctx, client, http.MethodGet, url, key)
		return err
	})
}

// exportSmall requests many small exports and waits for them.
func exportSmall(ctx context.Context, s *server, _ string) error {
	return many(exporters, smallExports, func(client *http.Client, n int) error {
		_, err := s.export(ctx, client, n)
		return err
	})
}

// many calls do n times, so many at once, and tells how long that took.
func many(atOnce, n int, do func(client *http.Client, n int) error) error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atOnce}}
	numbers, errs := make(chan int), make(chan error, atOnce)
	var clients sync.WaitGroup
	began := time.Now()
	for range atOnce {
		clients.Go(func() {
			var err error
			for number := range numbers {
				if err == nil {
					err = do(client, number)
				}
			}
			errs <- err
		})
	}
	for number := range n {
		numbers <- number
	}
	close(numbers)
	clients.Wait()
	took := time.Since(began)
	close(errs)
	var all []error
	for err := range errs {
		all = append(all, err)
	}
	_, err := fmt.Println(took)
	return errors.Join(append(all, err)...)
}
