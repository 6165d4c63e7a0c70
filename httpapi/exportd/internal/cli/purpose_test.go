//go:build unix

package cli_test

import (
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/internal/pgtest"
)

// TestPurpose: the jobs of a product are refused to the demo, and the demo's to every
// other configuration, by each command that opens them. The message names both.
func TestPurpose(t *testing.T) {
	t.Parallel()
	dir := shop(t, organizationSection)
	finish(t, command(t, dir, "migrate")).want(t, 0)
	finish(t, command(t, dir, "migrate", "--data", "demo")).want(t, 0, "is not used")
	for _, args := range []string{
		"serve --listen 127.0.0.1:0", "keys list", "keys revoke a", "members list --organization " + acme,
		"members remove --organization " + acme + " --user zoe", "sessions create --user zoe", "migrate",
	} {
		o := finish(t, command(t, dir, append(strings.Fields(args), "--data", "exportd-data")...))
		o.want(t, 2, "exportd: exportd-data/demo/exportd.yaml: the jobs database sqlite:exportd-data/jobs.db is no demo's, and may hold real jobs and keys: the demo does not use it;")

		c := command(t, dir, strings.Fields(args)...)
		c.Env = append(c.Env, "ORGEXPORT_JOBS_DATABASE=sqlite:demo/jobs.db")
		finish(t, c).want(t, 2, "exportd: $ORGEXPORT_JOBS_DATABASE: the jobs database sqlite:demo/jobs.db is a demo's, and this is no configuration of the demo: name another database\n")
	}
	configure(t, dir, "jobs: {database: 'sqlite:demo/jobs.db'}\n")
	finish(t, command(t, dir, "serve")).want(t, 2, "exportd: exportd.yaml:1: the jobs database sqlite:demo/jobs.db is a demo's, ")
	finish(t, command(t, dir, "check")).want(t, 2, "exportd: exportd.yaml:1: the jobs database sqlite:demo/jobs.db is a demo's, ")
	finish(t, command(t, dir, "keys", "list", "--data", "demo", "--organization", acme)).want(t, 0, "is not used")
}

// TestPurposeShowsNoPassword: neither does a database of PostgreSQL take the other kind,
// and the message has no password of it.
func TestPurposeShowsNoPassword(t *testing.T) {
	t.Parallel()
	address := pgtest.Database(t)
	u, err := url.Parse(address)
	must(t, err)
	password, _ := u.User.Password()
	dir := shop(t, organizationSection)
	c := command(t, dir, "migrate")
	c.Env = append(c.Env, "ORGEXPORT_JOBS_DATABASE="+address)
	finish(t, c).want(t, 0)

	finish(t, command(t, dir, "migrate", "--data", "demo")).want(t, 0, "is not used")
	file := filepath.Join(dir, "demo/demo/exportd.yaml")
	write(t, file, "jobs: {database: '"+address+"&application_name=x'}\n"+read(t, file))
	o := finish(t, command(t, dir, "serve", "--listen", "127.0.0.1:0", "--data", "demo"))
	o.want(t, 2, "exportd: demo/demo/exportd.yaml:1: the jobs database postgres://"+u.User.Username()+"@"+u.Host+u.Path+" is no demo's, ")
	if strings.Contains(o.stderr, password) {
		t.Errorf("it says %s", o.stderr)
	}
}
