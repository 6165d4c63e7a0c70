package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

// demoClient is a client of the API, as a customer would write one.
type demoClient struct {
	url string // where exports of the organization are requested
	key string
}

// exportStatus is what the client needs of a status of the API.
type exportStatus struct {
	JobID    string                 `json:"job_id"`
	Status   jobs.Status            `json:"status"`
	Filename string                 `json:"output_filename"`
	Download string                 `json:"download_url"`
	Sections []export.SectionResult `json:"sections"`
	Error    string                 `json:"error"`

	Progress []jobs.SectionProgress `json:"progress"` // of events alone
}

// export requests an export and watches it until it has ended.
func (c demoClient) export(ctx context.Context, format string, observe func(export.Event)) (exportStatus, error) {
	status, err := c.status(ctx, http.MethodPost, c.url+"?archive_format="+format)
	finished := make(map[string]bool)
	for err == nil && status.Status.InFlight() {
		status, err = c.watch(ctx, status, func(status exportStatus) { // again, if the stream broke off
			status.tell(finished, observe)
		})
	}
	if err == nil && status.Status == jobs.Failed {
		err = errors.New(status.Error)
	}
	return status, err
}

// tell makes events of a status, of a section that has finished only once.
func (s exportStatus) tell(finished map[string]bool, observe func(export.Event)) {
	for _, p := range s.Progress {
		observe(export.Event{
			Kind: export.SectionAdvanced, Section: p.Key, Records: p.Records, Binaries: p.Binaries, Bytes: p.Bytes, Done: p.Done, Total: p.Total,
		})
	}
	for _, r := range s.Sections {
		if !finished[r.Key] {
			finished[r.Key] = true
			observe(export.Event{Kind: export.SectionFinished, Section: r.Key, Records: r.Records, Binaries: r.Binaries, Result: &r})
		}
	}
}

// watch follows the stream of events of an export to its end and returns the
// last status.
func (c demoClient) watch(ctx context.Context, status exportStatus, observe func(exportStatus)) (exportStatus, error) {
	body, err := c.do(ctx, http.MethodGet, c.url+"/"+status.JobID+"/events")
	if err != nil {
		return status, err
	}
	defer body.Close()
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var next exportStatus // nothing is kept of the one before
		if err := json.Unmarshal([]byte(data), &next); err != nil {
			return status, err
		}
		status = next
		observe(status)
	}
	return status, lines.Err()
}

func (c demoClient) status(ctx context.Context, method, url string) (status exportStatus, err error) {
	body, err := c.do(ctx, method, url)
	if err != nil {
		return status, err
	}
	defer body.Close()
	return status, json.NewDecoder(body).Decode(&status)
}

// download writes the archive to w.
func (c demoClient) download(ctx context.Context, status exportStatus, w io.Writer) error {
	body, err := c.do(ctx, http.MethodGet, status.Download)
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = io.Copy(w, body)
	return err
}

func (c demoClient) do(ctx context.Context, method, url string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("X-Api-Key", c.key)
	// No proxy: the server is in this process.
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10))
		return nil, fmt.Errorf("%s %s: %s: %s", method, request.URL.Path, response.Status, text)
	}
	return response.Body, nil
}
