//go:build unix

package cli_test

import (
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
)

// statuses are how the sections of a job have ended.
func statuses(a answer) string {
	var all []string
	for _, s := range a.Sections {
		all = append(all, s.Key+" "+s.Status)
	}
	return strings.Join(all, ", ")
}

// TestRetry exports a shop of which a section cannot be read at first. Its retry has the rows
// of then of the other sections, although they have changed. Once the parts are gone, and with
// another configuration, all sections run.
func TestRetry(t *testing.T) {
	t.Parallel()
	eachJobs(t, func(t *testing.T, d jobsDatabase) {
		dir := shop(t, organizationSection, productsSection, brokenSection)
		s := d.serve(t, dir)
		key := d.newKey(t, dir, "--organization", acme)
		exported := func(query string) answer {
			t.Helper()
			a := s.ask(t, key, http.MethodPost, acme, query)
			if a.code != http.StatusOK {
				t.Fatalf("POST %s gives %+v", query, a)
			}
			return s.until(t, key, a.JobID, "ended", ended)
		}
		first := exported("")
		if got := statuses(first); got != "organization ok, products ok, broken error" {
			t.Fatalf("the sections are %s", got)
		}
		execute(t, dir, "ALTER TABLE members ADD COLUMN sekret TEXT; UPDATE products SET name = 'Coffee' WHERE id = 'p1'")

		want := func(what string, a answer, name string, of [3]answer, retryOf answer) {
			t.Helper()
			if got := statuses(a); got != "organization ok, products ok, broken ok" || a.Filename != first.Filename {
				t.Errorf("%s: the file %s has %s", what, a.Filename, got)
			}
			files := s.download(t, a)
			if got := files["products/p1/product.yaml"]; !strings.Contains(got, "\nname: "+name+"\n") {
				t.Errorf("%s: the product is\n%s\nwant %s", what, got, name)
			}
			if got := files["broken/broken.csv"]; !strings.HasPrefix(got, "sekret\r\n") {
				t.Errorf("%s: the section that could not be read is %q", what, got)
			}
			m, err := export.ParseManifest([]byte(files["manifest.yaml"]))
			if err != nil {
				t.Fatal(err)
			}
			origins := export.ManifestRetry{Of: retryOf.JobID}
			for i, section := range []string{"organization", "products", "broken"} {
				var at int64
				d.row(t, "SELECT created_at FROM orgexport_jobs WHERE id = '"+of[i].JobID+"'", &at)
				origins.Sections = append(origins.Sections, export.ManifestOrigin{
					Key: section, Job: of[i].JobID, RequestedAt: time.UnixMilli(at).UTC().Format(time.RFC3339),
				})
			}
			if m.Retry == nil || !reflect.DeepEqual(*m.Retry, origins) {
				t.Errorf("%s: the manifest has %+v, want %+v", what, m.Retry, origins)
			}
		}
		second := exported("?retry_of=" + first.JobID)
		want("the retry", second, "Tea", [3]answer{first, first, second}, first)
		again := exported("?retry_of=" + second.JobID)
		want("the retry of the retry", again, "Tea", [3]answer{first, first, second}, second)

		if err := os.RemoveAll(filepath.Join(dir, "exportd-data/parts", first.JobID)); err != nil {
			t.Fatal(err)
		}
		lost := exported("?retry_of=" + first.JobID)
		want("without parts", lost, "Coffee", [3]answer{lost, lost, lost}, first)
		s.stop(t)

		file := filepath.Join(dir, "exportd.yaml")
		write(t, file, strings.Replace(read(t, file), "SELECT * FROM products", "SELECT id, name, price_cents, tags FROM products", 1))
		execute(t, dir, "UPDATE products SET name = 'Cocoa' WHERE id = 'p1'")
		s = d.serve(t, dir)
		changed := exported("?retry_of=" + lost.JobID)
		want("with another configuration", changed, "Cocoa", [3]answer{lost, changed, lost}, lost)
		s.stop(t)
	})
}
