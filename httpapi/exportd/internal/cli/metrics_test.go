//go:build unix

package cli_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
)

// Metrics are served on an address of their own, to anybody who reaches it.
func TestServeMetrics(t *testing.T) {
	t.Parallel()
	d, dir := inSQLite(t), shop(t, organizationSection, productsSection)
	address := freeAddress(t)
	configure(t, dir, fmt.Sprintf("metrics: {listen: '%s'}\n", address))
	s := d.serve(t, dir)
	key := d.newKey(t, dir, "--organization", acme)
	low := d.newKey(t, dir, "--organization", acme, "--per-day", "1")
	link := s.exported(t, "X-API-Key: "+key)
	for range 3 { // more than pass, whenever midnight is
		s.send(t, http.MethodGet, exportsOfAcme, "X-API-Key: "+low)
	}
	s.send(t, http.MethodGet, "/no/such/route")
	text := get(t, "http://"+address+"/metrics", http.StatusOK)
	for _, line := range []string{
		`orgexport_jobs{status="pending"} 0`,
		`orgexport_jobs_created_total 1`,
		`orgexport_jobs_ended_total{outcome="completed"} 1`,
		`orgexport_section_records_total{section="products"} 4`,
		`orgexport_section_duration_seconds_count{section="organization",status="ok"} 1`,
		`orgexport_downloads_started_total 1`,
		`orgexport_downloads_completed_total 1`,
		`orgexport_limits_hit_total{limited="key"} `,
		`orgexport_http_request_duration_seconds_count{code="2xx",route="POST /dashboard/api/v1/data-export/{organization_id}"} 1`,
		`orgexport_http_request_duration_seconds_count{code="4xx",route="GET /dashboard/api/v1/data-export/{organization_id}"} `,
		`orgexport_http_request_duration_seconds_count{code="4xx",route="other"} 1`,
		`go_goroutines `,
	} {
		if !strings.Contains("\n"+text, "\n"+line) {
			t.Errorf("%q is not in\n%s", line, text)
		}
	}
	for _, secret := range append(secretsOf(t, dir, link), key, low, acme, "Acme") {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in the metrics", secret)
		}
	}
	if a := s.send(t, http.MethodGet, "/metrics", "X-API-Key: "+key); a.code != http.StatusNotFound {
		t.Errorf("at the address of the API metrics have the status %d", a.code)
	}
	get(t, "http://"+address+"/healthz", http.StatusNotFound)
	get(t, "http://"+address+exportsOfAcme, http.StatusNotFound)
	s.stop(t, append(secretsOf(t, dir, link), key, low)...)
}

func TestServeWithoutMetrics(t *testing.T) {
	t.Parallel()
	s := inSQLite(t).serve(t, shop(t, organizationSection))
	if a := s.send(t, http.MethodGet, "/metrics"); a.code != http.StatusNotFound {
		t.Errorf("metrics have the status %d", a.code)
	}
	s.stop(t)
}

// Nothing is served, and nothing says so, if one of the addresses is taken.
func TestServeMetricsAddressInUse(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	taken := listener.Addr().String()
	dir := shop(t, organizationSection)
	configure(t, dir, fmt.Sprintf("metrics: {listen: '%s'}\n", taken))
	o := refuse(t, dir)
	if o.want(t, 1, "exportd: metrics: listen tcp "+taken+": bind: address already in use\n"); strings.Count(o.stderr, "\n") != 1 {
		t.Errorf("it says\n%s", o.stderr)
	}
	nothingLeft(t, dir)
}
