package wire_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/demo"
	"github.com/orgexport/orgexport/internal/pgtest"
	"github.com/orgexport/orgexport/sections"
)

// pollers is how many clients ask at once.
const pollers = 16

// BenchmarkPoll polls a job that is completed, through the whole server, and for comparison
// a bare Huma handler that answers with as many bytes.
func BenchmarkPoll(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) {
		benchmarkPoll(b, func(*config.Config) {})
	})
	b.Run("postgres", func(b *testing.B) {
		address := pgtest.Database(b)
		benchmarkPoll(b, func(c *config.Config) {
			c.Jobs.Database = config.Database{Dialect: sections.Postgres, Address: address}
		})
	})
}

func benchmarkPoll(b *testing.B, change func(*config.Config)) {
	c := demoConfig(b)
	change(c)
	n := openSkewed(b, c, 0)
	stop := n.run(b)
	organization := demo.OrganizationID()
	key := n.newKey(b, organization, time.Hour)
	job := n.export(b, http.MethodPost, organization, "?archive_format=zip", key)
	for job.Status != "completed" {
		time.Sleep(10 * time.Millisecond)
		job = n.export(b, http.MethodGet, organization, "/"+job.JobID, key)
	}
	stop()
	url := n.url + "/dashboard/api/v1/data-export/" + organization + "/" + job.JobID
	_, body := ask(b, http.MethodGet, url, key)
	b.Run("bare", func(b *testing.B) { askMany(b, bareHuma(b, string(body)), "") })
	b.Run("whole", func(b *testing.B) { askMany(b, url, key) })
}

// bareHuma serves a body by Huma alone.
func bareHuma(b *testing.B, body string) (url string) {
	mux := http.NewServeMux()
	api := humago.New(mux, huma.DefaultConfig("bare", "1"))
	type output struct{ Body struct{ Text string } }
	huma.Get(api, "/export/{id}", func(context.Context, *struct {
		ID string `path:"id"`
	}) (*output, error) {
		out := new(output)
		out.Body.Text = body
		return out, nil
	})
	server := httptest.NewServer(mux)
	b.Cleanup(server.Close)
	return server.URL + "/export/1"
}

// askMany sends b.N requests from all clients together.
func askMany(b *testing.B, url, key string) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: pollers}}
	defer client.CloseIdleConnections()
	left := make(chan struct{}, pollers)
	var clients sync.WaitGroup
	b.ResetTimer()
	for range pollers {
		clients.Go(func() {
			for range left {
				if err := askOnce(b.Context(), client, url, key); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for range b.N {
		left <- struct{}{}
	}
	close(left)
	clients.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "polls/s")
}

func askOnce(ctx context.Context, client *http.Client, url, key string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	r.Header.Set("X-API-Key", key)
	response, err := client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", response.StatusCode)
	}
	return nil
}
