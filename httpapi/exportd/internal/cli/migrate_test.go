//go:build unix

package cli_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// migrate is exportd migrate, in a folder with a configuration.
func (d jobsDatabase) migrate(t *testing.T, dir string) outcome {
	t.Helper()
	return finish(t, d.command(t, dir, "migrate", "--config", "exportd.yaml"))
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	eachJobs(t, func(t *testing.T, d jobsDatabase) {
		dir := shop(t, organizationSection)
		const atOnce = 3
		var said [atOnce]string
		var all sync.WaitGroup
		for i := range atOnce {
			c := d.command(t, dir, "migrate", "--config", "exportd.yaml")
			all.Go(func() {
				out, err := c.CombinedOutput()
				said[i] = fmt.Sprint(string(out), err)
			})
		}
		all.Wait()
		for _, text := range said {
			if text != "the tables are up to date\n<nil>" {
				t.Errorf("at once: %s", text)
			}
		}
		if o := d.migrate(t, dir); o.status != 0 || o.stdout != "the tables are up to date\n" || o.stderr != "" {
			t.Errorf("again: %+v", o)
		}
		var applied, last int
		d.row(t, "SELECT count(*), max(version) FROM orgexport_schema", &applied, &last)
		if applied != last || applied == 0 {
			t.Errorf("%d versions are noted, the last is %d", applied, last)
		}
		nothingLeft(t, dir)
		if d.driver == "pgx" {
			refuseNewerQueue(t, d, dir)
		}
		refuseNewer(t, d, dir)
	})
}

// refuseNewerQueue fails the test if there are no tables of River's, or if those
// that a newer exportd has made are used.
func refuseNewerQueue(t *testing.T, d jobsDatabase, dir string) {
	t.Helper()
	var tables, versions int
	d.row(t, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename IN ('river_job', 'river_queue', 'river_leader')", &tables)
	d.row(t, "SELECT count(*) FROM river_migration WHERE line = 'main'", &versions)
	if tables != 3 || versions == 0 {
		t.Errorf("there are %d of 3 tables of River's, in version %d", tables, versions)
	}
	d.exec(t, "INSERT INTO river_migration (line, version) VALUES ('main', 1000)")
	for _, args := range []string{"migrate", "serve --listen 127.0.0.1:0"} {
		o := finish(t, d.command(t, dir, append(strings.Fields(args), "--config", "exportd.yaml")...))
		o.want(t, 1, "exportd: riverqueue: the database has a newer schema than this program: ")
		if o.stdout != "" || strings.Count(o.stderr, "\n") != 1 {
			t.Errorf("%s says\n%s%s", args, o.stdout, o.stderr)
		}
	}
	d.exec(t, "DELETE FROM river_migration WHERE version = 1000")
}

// refuseNewer fails the test if anything is done with tables that a newer exportd
// has made.
func refuseNewer(t *testing.T, d jobsDatabase, dir string) {
	t.Helper()
	d.exec(t, "INSERT INTO orgexport_schema (version, applied_at) VALUES (1000, 0)")
	for _, args := range []string{
		"migrate", "serve --listen 127.0.0.1:0", "keys list", "keys revoke " + acme, "keys create --organization " + acme,
	} {
		o := finish(t, d.command(t, dir, append(strings.Fields(args), "--config", "exportd.yaml")...))
		o.want(t, 1, "exportd: bunstore: the database has a newer schema than this program: version 1000, this program knows ")
		if o.stdout != "" || strings.Count(o.stderr, "\n") != 1 {
			t.Errorf("%s says\n%s%s", args, o.stdout, o.stderr)
		}
	}
	var keys int
	if d.row(t, "SELECT count(*) FROM orgexport_keys", &keys); keys != 0 {
		t.Errorf("there are %d keys", keys)
	}
}

func TestMigrateWrongUsage(t *testing.T) {
	t.Parallel()
	dir := shop(t, organizationSection)
	for args, want := range map[string]string{
		"more":               `"more" is an argument too many: exportd migrate [--config FILE] [flags]`,
		"--config none.yaml": "open none.yaml: no such file or directory",
		"--organization a":   "unknown flag: --organization",
	} {
		finish(t, command(t, dir, append([]string{"migrate"}, strings.Fields(args)...)...)).want(t, 2, "exportd: "+want+"\n")
	}
	nothingLeft(t, dir)
}
