//go:build unix

package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

const deployFolder = "../../deploy"

// TestAlerts lets Prometheus's own tool judge the alerting rules: each fires when it should.
func TestAlerts(t *testing.T) {
	t.Parallel()
	needTools(t, "promtool")
	for _, args := range [][]string{{"check", "rules", "alerts.yaml"}, {"test", "rules", "alerts_test.yaml"}} {
		cmd := exec.CommandContext(t.Context(), "promtool", args...)
		cmd.Dir = deployFolder
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
}

// TestDashboard has Prometheus scrape a server that has made an export, and run the queries of
// the dashboard, each of which has to find something, and of the alerts, none of which may fire.
func TestDashboard(t *testing.T) {
	t.Parallel()
	needTools(t, "prometheus")
	d, dir := inSQLite(t), shop(t, organizationSection, productsSection)
	metrics := freeAddress(t)
	configure(t, dir, fmt.Sprintf("metrics: {listen: '%s'}\n", metrics))
	s := d.serve(t, dir)
	key := d.newKey(t, dir, "--organization", acme)
	low := d.newKey(t, dir, "--organization", acme, "--per-day", "1")
	for range 3 { // more than pass, whenever midnight is
		s.send(t, http.MethodGet, exportsOfAcme, "X-API-Key: "+low)
	}
	get(t, s.exported(t, "X-API-Key: "+key), http.StatusOK)
	p := startPrometheus(t, metrics)
	within(t, time.Minute, "scraped", func() bool {
		return len(p.query(t, `count_over_time(orgexport_jobs_created_total[1m]) > 2`)) > 0
	})
	for _, expression := range expressions(t, "dashboard.json") {
		if found := p.query(t, expression); len(found) == 0 {
			t.Errorf("the dashboard's %s finds nothing", expression)
		}
	}
	for _, expression := range expressions(t, "alerts.yaml") {
		if found := p.query(t, expression); len(found) > 0 {
			t.Errorf("the alert of %s would fire: %s", expression, found)
		}
	}
	s.stop(t, key, low)
}

// expressions returns the queries of a file.
func expressions(t *testing.T, file string) (all []string) {
	t.Helper()
	var found struct {
		Panels []struct{ Targets []struct{ Expr string } } // of a dashboard
		Groups []struct{ Rules []struct{ Expr string } }   // of alerts
	}
	if err := yaml.Unmarshal([]byte(read(t, filepath.Join(deployFolder, file))), &found); err != nil { // JSON is YAML
		t.Fatal(err)
	}
	for _, panel := range found.Panels {
		for _, target := range panel.Targets {
			all = append(all, target.Expr)
		}
	}
	for _, group := range found.Groups {
		for _, rule := range group.Rules {
			all = append(all, rule.Expr)
		}
	}
	if len(all) < 10 {
		t.Fatalf("%s has only %d expressions", file, len(all))
	}
	return all
}

// prometheus is a server of Prometheus, at its address.
type prometheus string

// startPrometheus starts one that scrapes the address.
func startPrometheus(t *testing.T, scraped string) prometheus {
	t.Helper()
	dir, address := t.TempDir(), freeAddress(t)
	write(t, filepath.Join(dir, "prometheus.yml"), fmt.Sprintf(`scrape_configs:
  - {job_name: orgexport, scrape_interval: 500ms, scrape_timeout: 400ms, static_configs: [{targets: ['%s']}]}
`, scraped))
	cmd := exec.CommandContext(t.Context(), "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address="+address)
	cmd.Dir = dir
	log := new(strings.Builder)
	cmd.Stderr = log
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Wait() // it was interrupted
		if t.Failed() {
			t.Log(log)
		}
	})
	p := prometheus("http://" + address)
	within(t, time.Minute, "ready", func() bool {
		r, err := http.Get(string(p) + "/-/ready") //nolint:noctx // within has a limit
		if err != nil {
			return false
		}
		_ = r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
	return p
}

// query returns what a query finds.
func (p prometheus) query(t *testing.T, expression string) []json.RawMessage {
	t.Helper()
	var out struct {
		Data struct {
			Result []json.RawMessage `json:"result"`
		} `json:"data"`
	}
	text := get(t, string(p)+"/api/v1/query?query="+url.QueryEscape(expression), http.StatusOK)
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%s: %v: %s", expression, err, text)
	}
	return out.Data.Result
}
