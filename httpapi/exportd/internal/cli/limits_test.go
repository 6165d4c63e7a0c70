//go:build unix

package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// A limit is that of all servers on one database, exactly.
func TestLimitsOfTwoServers(t *testing.T) {
	t.Parallel()
	eachJobs(t, func(t *testing.T, d jobsDatabase) {
		dir := shop(t, organizationSection)
		configure(t, dir, "limits: {requests_per_minute: 50, requests_per_day: 100000}\n")
		servers := []*serving{d.serve(t, dir), d.serve(t, dir)}
		own := finish(t, d.command(t, dir, "keys", "create", "--config", "exportd.yaml", "--organization", acme))
		low := d.newKey(t, dir, "--organization", acme, "--per-minute", "7")
		high := d.newKey(t, dir, "--organization", acme, "--per-minute", "120")
		for _, c := range []struct {
			key   string
			limit int
		}{{strings.TrimSpace(own.stdout), 50}, {low, 7}, {high, 120}} {
			wantLimit(t, servers, c.key, c.limit)
		}
		for _, s := range servers {
			s.stop(t, strings.TrimSpace(own.stdout), low, high, d.secret)
		}
	})
}

// wantLimit sends more requests with a key than may pass in a minute, of 64
// clients at once to the servers in turn. They are counted by the window that
// the answers name, so that it does not matter if a minute ends in between.
func wantLimit(t *testing.T, servers []*serving, key string, limit int) {
	t.Helper()
	const clients = 64
	requests := 2*limit + clients
	replies := make(chan reply, requests)
	numbers := make(chan int, requests)
	for i := range requests {
		numbers <- i
	}
	close(numbers)
	var work sync.WaitGroup
	for range clients {
		work.Go(func() {
			for i := range numbers {
				replies <- servers[i%len(servers)].send(t, http.MethodGet, exportsOfAcme, "X-API-Key: "+key)
			}
		})
	}
	work.Wait()
	close(replies)
	passed, sent := make(map[string]int), make(map[string]int)
	for r := range replies {
		window := r.header.Get("X-RateLimit-Reset")
		sent[window]++
		switch r.code {
		case http.StatusOK:
			passed[window]++
		case http.StatusTooManyRequests:
			wantRetry(t, r, 60)
		default:
			t.Errorf("status %d\n%s", r.code, r.text)
		}
		if got := r.header.Get("RateLimit-Limit"); got != strconv.Itoa(limit) {
			t.Errorf("the limit is told as %q, want %d", got, limit)
		}
	}
	full := false
	for window, n := range sent {
		if want := min(n, limit); passed[window] != want {
			t.Errorf("%d of %d requests passed in the minute to %s, want %d", passed[window], n, window, want)
		}
		full = full || n > limit
	}
	if !full || len(sent) > 2 {
		t.Errorf("requests by minute: %v, want more than %d in one", sent, limit)
	}
}

// wantRetry fails the test unless a reply tells in all three places when to come
// again, and that is within some seconds.
func wantRetry(t *testing.T, r reply, within int) {
	t.Helper()
	var body struct {
		Status  int `json:"status"`
		After   int `json:"retry_after"`
		Seconds int `json:"retry_after_seconds"`
	}
	err := json.Unmarshal([]byte(r.text), &body)
	if err != nil || r.code != http.StatusTooManyRequests || body.Status != r.code || body.After < 1 || body.After > within || body.Seconds != body.After ||
		r.header.Get("Retry-After") != strconv.Itoa(body.After) || r.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("status %d, %v, Retry-After %q, want 429 and to come again within %d seconds\n%s", r.code, err, r.header.Get("Retry-After"), within, r.text)
	}
}

// The window of a day is told beside that of a minute, and refuses as well.
func TestLimitOfADay(t *testing.T) {
	t.Parallel()
	d, dir := inSQLite(t), shop(t, organizationSection)
	configure(t, dir, "limits: {requests_per_minute: 1000, requests_per_day: 5}\n")
	s := d.serve(t, dir)
	text := strings.TrimSpace(finish(t, d.command(t, dir, "keys", "create", "--config", "exportd.yaml", "--organization", acme, "--per-day", "3")).stdout)
	windows := make(map[string]int)
	for range 8 { // at midnight two days share them
		r := s.send(t, http.MethodGet, exportsOfAcme, "X-API-Key: "+text)
		window := r.header.Get("X-RateLimit-Reset")
		windows[window]++
		if policy := r.header.Get("RateLimit-Policy"); policy != "1000;w=60, 3;w=86400" {
			t.Errorf("the policy is %q", policy)
		}
		if windows[window] > 3 {
			wantRetry(t, r, 24*60*60)
		} else if left := strconv.Itoa(3 - windows[window]); r.code != 200 || r.header.Get("RateLimit-Remaining") != left {
			t.Errorf("status %d, %q left, want %s", r.code, r.header.Get("RateLimit-Remaining"), left)
		}
	}
	s.stop(t, text)
}

// requests of different exports of a shop with three sections, one of which does
// not end.
func differentExports() (queries []string) {
	for _, sections := range []string{"", "organization", "products", "gate", "organization,products", "organization,gate", "products,gate"} {
		for _, format := range []string{"zip", "tar.gz"} {
			query := "?archive_format=" + format
			for section := range strings.SplitSeq(sections, ",") {
				if section != "" {
					query += "&sections=" + section
				}
			}
			queries = append(queries, query)
		}
	}
	return queries
}

// So many exports of an organization may be in flight, and be requested in a
// day; those that failed do not count.
func TestExportQuotas(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		limits string
		pass   int
	}{
		{"", 10},
		{"limits: {exports_at_once: 2}\n", 2},
		{"limits: {exports_at_once: none}\n", 14},
		{"limits: {exports_at_once: none, exports_per_day: 3}\n", 3},
		{"limits: {exports_at_once: none, exports_per_day: none}\n", 14},
	} {
		t.Run(c.limits, func(t *testing.T) {
			t.Parallel()
			d, dir := inSQLite(t), gatedShop(t)
			configure(t, dir, c.limits)
			// The first one keeps the one worker busy: all stay in flight.
			configure(t, dir, "jobs: {workers: 1}\n")
			s := d.serve(t, dir)
			key := "X-API-Key: " + d.newKey(t, dir, "--organization", acme)
			queries := differentExports()
			passed := 0
			for _, query := range queries {
				r := s.send(t, http.MethodPost, exportsOfAcme+query, key)
				if r.code == http.StatusOK {
					passed++
					continue
				}
				wantRetry(t, r, 24*60*60)
			}
			if passed != c.pass {
				t.Errorf("%d of %d exports were let through, want %d", passed, len(queries), c.pass)
			}
			if r := s.send(t, http.MethodPost, exportsOfAcme+queries[0], key); r.code != http.StatusOK {
				t.Errorf("an export that is in flight is refused: %d\n%s", r.code, r.text)
			}
			s.stop(t, strings.TrimPrefix(key, "X-API-Key: "))
		})
	}
}

// A quota of a day counts exports that have ended, and one of those at once does
// not.
func TestExportQuotasAfterTheEnd(t *testing.T) {
	t.Parallel()
	for limits, codes := range map[string][2]int{"exports_at_once: 1": {200, 200}, "exports_per_day: 2": {200, 429}} {
		d, dir := inSQLite(t), shop(t, organizationSection)
		configure(t, dir, fmt.Sprintf("limits: {%s}\n", limits))
		s := d.serve(t, dir)
		key := "X-API-Key: " + d.newKey(t, dir, "--organization", acme)
		s.exported(t, key)
		for _, code := range codes {
			if code != http.StatusOK {
				wantRetry(t, s.send(t, http.MethodPost, exportsOfAcme+"?archive_format=zip", key), 24*60*60)
				continue
			}
			s.exported(t, key)
		}
		s.stop(t, strings.TrimPrefix(key, "X-API-Key: "))
	}
}
