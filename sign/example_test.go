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

// Links are made by a Signer and served by a Handler with the same keys.
func Example() {
	ctx := context.Background()
	line, err := sign.NewKeyLine("2026-07", rand.Reader) // once; keep it in a file
	check(err)
	ring, err := sign.ReadKeys("keys.txt", strings.NewReader("# the first one signs\n"+line+"\n"))
	check(err)

	// What a finished export leaves: an object, and a job that tells of it.
	const key = "2AbCdEfGhJkMnPqRsTuVwX/H9cNmGXLEc8NWcZzSThA9S/1.zip"
	const content = "PK...the archive"
	var destination jobstest.MemDestination
	err = destination.Put(ctx, key, func(w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	})
	check(err)
	sum := sha256.Sum256([]byte(content))
	job := oneJob{
		ID: "H9cNmGXLEc8NWcZzSThA9S", Organization: export.Organization{ID: "2AbCdEfGhJkMnPqRsTuVwX"},
		Status: jobs.Completed, Attempt: 1, ObjectKey: key, Filename: "export-acme.zip",
		Size: int64(len(content)), SHA256: sum[:],
	}

	handler, err := sign.NewHandler(sign.HandlerConfig{
		Ring: ring, Prefix: "/downloads", Jobs: job, Destination: &destination, Trail: printTrail{},
	})
	check(err)
	mux := http.NewServeMux()
	mux.Handle("/downloads/", handler)
	server := httptest.NewServer(mux)
	defer server.Close()

	signer, err := sign.NewSigner(sign.Config{Ring: ring, BaseURL: server.URL + "/downloads"})
	check(err)
	link, err := signer.Sign(ctx, job.ObjectKey, job.Filename, time.Hour)
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
