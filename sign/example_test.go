package sign_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
	"github.com/orgexport/orgexport/sign"
)

// printTrail stands for a store of audit entries.
type printTrail struct{}

func (printTrail) Record(_ context.Context, e audit.Entry) error {
	fmt.Println(e.Action, e.Bytes, e.Complete)
	return nil
}

// oneJob stands for a store of jobs.
type oneJob jobs.Job

func (j oneJob) Get(context.Context, string, string) (jobs.Job, error) { return jobs.Job(j), nil }

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// Links signs a link and serves its archive.
func Example() {
	ctx := context.Background()
	line, err := sign.NewKeyLine("2026-07", rand.Reader) // once; keep it in a file
	check(err)
	keys, err := sign.ReadKeys("keys.txt", strings.NewReader("# the first one signs\n"+line+"\n"))
	check(err)

	// What a finished export leaves: an object, and a job that knows it.
	const content = "PK...the archive"
	job := finished(content)
	var destination jobstest.MemDestination
	err = destination.Put(ctx, job.ObjectKey, func(w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	})
	check(err)

	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()
	links, err := sign.New(sign.Config{
		Keys: keys, URL: server.URL + "/downloads", Jobs: job, Destination: &destination, Audit: printTrail{},
	})
	check(err)
	mux.Handle("/downloads/", links)

	link, err := links.Sign(ctx, job.ObjectKey, job.Filename, time.Hour) // a service does this at every poll
	check(err)
	for _, url := range []string{link.URL, strings.Replace(link.URL, "acme", "acne", 1)} {
		resp, err := http.Get(url) //nolint:noctx // as a browser does
		check(err)
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		check(err)
		fmt.Printf("%d %s\n", resp.StatusCode, text)
	}
	// Unordered output:
	// export.downloaded 16 true
	// 200 PK...the archive
	// 403 The link is not valid.
}

// finished is a job whose archive has that content.
func finished(content string) oneJob {
	sum := sha256.Sum256([]byte(content))
	return oneJob{
		ID: "H9cNmGXLEc8NWcZzSThA9S", Organization: export.Organization{ID: "2AbCdEfGhJkMnPqRsTuVwX"},
		Status: jobs.Completed, Attempt: 1, ObjectKey: "2AbCdEfGhJkMnPqRsTuVwX/H9cNmGXLEc8NWcZzSThA9S/1.zip",
		Filename: "export-acme.zip", Size: int64(len(content)), SHA256: sum[:],
	}
}
