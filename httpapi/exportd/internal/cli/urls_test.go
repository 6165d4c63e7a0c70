package cli_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// TestAssetsByURL: rows have URLs. What is there is exported, what is missing or inside is
// listed, and no URL is told to anybody.
func TestAssetsByURL(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/missing":
			http.NotFound(w, r)
		case "/inside":
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/?X-Signature=SECRET", http.StatusFound)
		default:
			w.Header().Set("Last-Modified", "Thu, 02 Jan 2020 03:04:05 GMT")
			_, _ = fmt.Fprintf(w, "%s for %s", r.URL.Path, r.Header.Get("User-Agent"))
		}
	}))
	defer server.Close()
	port := server.URL[strings.LastIndex(server.URL, ":")+1:]
	dir := shop(t)
	execute(t, dir, `CREATE TABLE u (organization_id TEXT, id INT, url TEXT);
		INSERT INTO u SELECT '`+acme+`', value, '`+server.URL+`' || path || '?X-Signature=SECRET' FROM (SELECT 1 AS value, '/one' AS path UNION SELECT 2, '/missing'
			UNION SELECT 3, '/inside' UNION SELECT 4, '/four');
		INSERT INTO u VALUES ('`+acme+`', 5, 'http://10.0.0.1:`+port+`/?X-Signature=SECRET'), ('`+acme+`', 6, 'file:///etc/passwd?SECRET')`)
	const sections = `  - key: files
    assets:
      - {from: "url:", source: "{{.url}}", file: "{{.id}}.txt", keep_time: true, sql: "SELECT id, url FROM u WHERE organization_id = :organization_id ORDER BY id"}
fetch: {user_agent: acme-export/1, at_once: 2, networks: [127.0.0.0/8], ports: [80, ` // the port follows
	write(t, filepath.Join(dir, "exportd.yaml"), source+sections+port+"]}\n")
	o := run(t, dir, "--out", "out/a.zip", "--log-level", "debug")
	o.want(t, 3, "files")
	files := extract(t, "zip", read(t, filepath.Join(dir, "out/a.zip")))
	for name, want := range map[string]string{
		"1.txt": "/one for acme-export/1",
		"4.txt": "/four for acme-export/1",
		"_skipped.ndjson": `{"ref":"2.txt","reason":"The file was not found."}
{"ref":"3.txt","reason":"The address of the file is not one of a public server."}
{"ref":"5.txt","reason":"The address of the file is not one of a public server."}
{"ref":"6.txt","reason":"The address of the file is not a web address that can be fetched."}
`,
	} {
		if got := files[stem+"/files/"+name]; got != want {
			t.Errorf("%s is\n%s\nwant\n%s", name, got, want)
		}
	}
	if strings.Contains(o.stdout+o.stderr, "SECRET") {
		t.Errorf("a URL is told:\n%s%s", o.stdout, o.stderr)
	}
	if !strings.Contains(o.stderr, "169.254.169.254") { // without it nobody could find out
		t.Errorf("the log does not tell the address:\n%s", o.stderr)
	}
}
