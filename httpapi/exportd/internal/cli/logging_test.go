//go:build unix

package cli_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// logLines are the lines of a log in JSON.
func logLines(t *testing.T, log string) (lines []map[string]any) {
	t.Helper()
	for text := range strings.Lines(log) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		lines = append(lines, line)
	}
	return lines
}

// named returns the one line with that message.
func named(t *testing.T, lines []map[string]any, message string) (found map[string]any) {
	t.Helper()
	for _, line := range lines {
		if line["msg"] == message {
			if found != nil {
				t.Errorf("there are several lines %q", message)
			}
			found = line
		}
	}
	if found == nil {
		t.Fatalf("there is no line %q in\n%v", message, lines)
	}
	return found
}

// TestLifeInLog: one line says what has started and with what, and two that it is stopped
// and why, with the number of exports that are handed back. The whole log is JSON if the
// configuration says so.
func TestLifeInLog(t *testing.T) {
	t.Parallel()
	eachJobs(t, func(t *testing.T, d jobsDatabase) {
		dir := gatedShop(t)
		configure(t, dir, "log: {format: json, level: info}\n")
		c := d.command(t, dir, "serve", "--listen", "127.0.0.1:0")
		s := &serving{cmd: c}
		s.start(t)
		match := regexp.MustCompile(`^serving on (http://(127\.0\.0\.1:\d+)),`).FindStringSubmatch(s.greeting)
		if match == nil {
			t.Fatalf("it says %q\n%s", s.greeting, s.log.String())
		}
		s.url = match[1]
		key := d.newKey(t, dir, "--organization", acme)
		job := s.request(t, key)
		s.until(t, key, job, "sealed", sealed)
		s.stop(t, key, d.secret)

		lines := logLines(t, s.log.String())
		if lines[0]["msg"] != "started" {
			t.Errorf("the first line is %v", lines[0])
		}
		folder, err := filepath.EvalSymlinks(dir)
		must(t, err)
		started := named(t, lines, "started")
		for name, want := range map[string]string{
			"config":   filepath.Join(folder, "exportd.yaml"),
			"source":   "sqlite:shop #1.db",
			"archives": filepath.Join(folder, "exportd-data/archives"),
			"parts":    filepath.Join(folder, "exportd-data/parts"),
			"listen":   match[2],
			"url":      match[1],
			"demo":     "false",
			"worker":   "true",
		} {
			if got := fmt.Sprint(started[name]); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if text := fmt.Sprint(started["version"]); !strings.HasPrefix(text, "exportd ") {
			t.Errorf("version is %q", text)
		}
		if text := fmt.Sprint(started["jobs"]); !strings.HasPrefix(text, "sqlite:/") && !regexp.MustCompile(`^postgres://[^:@/]+@[^@]+$`).MatchString(text) {
			t.Errorf("jobs are in %q", text)
		}
		if line := named(t, lines, "stopping"); line["reason"] != "SIGTERM" {
			t.Errorf("stopping is %v", line)
		}
		if line := named(t, lines, "stopped"); line["reason"] != "SIGTERM" || line["handed_back"] != 1.0 || line["took"] == nil || line["level"] != "INFO" {
			t.Errorf("stopped is %v", line)
		}
	})
}

// TestLogFlags: flags go before the configuration, and that before what a command does by
// itself.
func TestLogFlags(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, log, flags string
		json, failed     bool
	}{
		{name: "neither", failed: true},
		{name: "configured format", log: "log: {format: json}\n", failed: true, json: true},
		{name: "given format", log: "log: {format: json}\n", flags: "--log-format text", failed: true},
		{name: "given JSON", flags: "--log-format json", failed: true, json: true},
		{name: "no such level", log: "log: {level: ERROR+4}\n"},
		{name: "given level", log: "log: {level: ERROR+4}\n", flags: "--log-level error", failed: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := shop(t, brokenSection)
			configure(t, dir, c.log)
			o := run(t, dir, append(strings.Fields(c.flags), "--out", "out")...)
			first, _, _ := strings.Cut(o.stderr, "\n")
			isJSON := json.Valid([]byte(first))
			isText := strings.Contains(first, ` level=ERROR msg="section failed" `)
			if o.status != 3 || isJSON != (c.failed && c.json) || isText != (c.failed && !c.json) {
				t.Errorf("status %d\n%s", o.status, o.stderr)
			}
		})
	}
	dir := shop(t, organizationSection)
	run(t, dir, "--log-format", "xml").want(t, 2, `exportd: invalid argument "xml" for "--log-format" flag: want text or json`)
	configure(t, dir, "log:\n  level: loud\n  format: xml\n")
	run(t, dir).want(t, 2, `exportd: exportd.yaml:2: "loud" must be debug, info, warn or error`, `exportd: exportd.yaml:3: "xml" must be text or json`)
}

// missingImages adds rows that name n images that are not there.
func missingImages(t *testing.T, dir string, n int) {
	t.Helper()
	execute(t, dir, fmt.Sprintf("WITH RECURSIVE c(n) AS (SELECT 10 UNION ALL SELECT n+1 FROM c WHERE n < %d) INSERT INTO assets SELECT n, '%s', 'p1', 'lost/' || n || '.png' FROM c", 9+n, acme))
}

// TestSkippedInOneLine: however many items of a section are skipped, the log of a run has one
// line about them, with their number and reasons.
func TestSkippedInOneLine(t *testing.T) {
	t.Parallel()
	dir := shop(t, organizationSection, productsSection)
	missingImages(t, dir, 178)
	execute(t, dir, "INSERT INTO assets VALUES (1000, '"+acme+"', 'p1', '../exportd.yaml')")
	o := run(t, dir, "--out", "out")
	o.want(t, 3, " msg=\"items skipped\" ", " section=products ", " count=179 ", " listed=_skipped.ndjson ", "(178)", "(1)")
	if n := strings.Count(o.stderr, "\n"); n != 3 { // with two about the section
		t.Errorf("%d lines, want 3:\n%s", n, o.stderr)
	}
	skipped := extract(t, "zip", read(t, filepath.Join(dir, "out", stem+".zip")))[stem+"/products/_skipped.ndjson"]
	if n := strings.Count(skipped, "\n"); n != 179 {
		t.Errorf("%d items are listed", n)
	}
	// Who asks for more gets the first ones.
	o = run(t, dir, "--out", "out", "--log-level", "debug")
	if n := strings.Count(o.stderr, " msg=\"item skipped\" "); n != 10 {
		t.Errorf("%d lines, want 10", n)
	}
}
