//go:build unix

package cli_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestBoundLinksOfAServer: with links.bound a link ends with the key that it was made for, and
// without it does not, in SQLite and PostgreSQL.
func TestBoundLinksOfAServer(t *testing.T) {
	t.Parallel()
	eachJobs(t, func(t *testing.T, d jobsDatabase) {
		dir := shop(t, organizationSection)
		key := d.newKey(t, dir, "--organization", acme)
		for _, bound := range []bool{false, true} {
			status := http.StatusOK
			if bound {
				status = http.StatusForbidden
				configure(t, dir, "links: {bound: true}\n")
				key = d.newKey(t, dir, "--organization", acme)
			}
			s := d.serve(t, dir)
			done := s.until(t, key, s.request(t, key), "ended", ended)
			get(t, done.Download, http.StatusOK)
			var id string
			d.row(t, "SELECT id FROM orgexport_keys WHERE revoked_at IS NULL", &id)
			if strings.Contains(done.Download, id) || strings.Contains(done.Download, "&for=") != bound {
				t.Errorf("the link is %s", done.Download)
			}
			finish(t, d.command(t, dir, "keys", "revoke", "--config", "exportd.yaml", id)).want(t, 0)
			get(t, done.Download, status)
			s.stop(t, key, d.secret, signature(t, done.Download))
			var actors int
			d.row(t, "SELECT count(*) FROM orgexport_audit WHERE action = 'export.downloaded' AND actor = 'key:"+id+"'", &actors)
			if bound != (actors == 1) {
				t.Errorf("%d downloads are the key's", actors)
			}
		}
	})
}
