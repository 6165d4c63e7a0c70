package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/orgexport/orgexport/export"
)

// pollEvery is how often the demo asks for the status of its export, which
// takes a second or less.
const pollEvery = 100 * time.Millisecond

// demoClient is a client of the API, as a customer would write one.
type demoClient struct {
	url string // where exports of the organization are requested
	key string
}

// exportStatus is what the client needs of a status of the API.
type exportStatus struct {
	JobID    string                 `json:"job_id"`
	Status   export.JobStatus       `json:"status"`
	Filename string                 `json:"output_filename"`
	Download string                 `json:"download_url"`
	Sections []export.SectionResult `json:"sections"`
	Error    string                 `json:"error"`
}

// export requests an export and waits until it has ended.
func (c demoClient) export(ctx context.Context, format string) (exportStatus, error) {
	status, err := c.status(ctx, http.MethodPost, c.url+"?archive_format="+format)
	for err == nil && status.Status.InFlight() {
		select {
		case <-ctx.Done():
			return status, context.Cause(ctx)
		case <-time.After(pollEvery):
		}
		status, err = c.status(ctx, http.MethodGet, c.url+"/"+status.JobID)
	}
	if err == nil && status.Status == export.JobFailed {
		err = errors.New(status.Error)
	}
	return status, err
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
