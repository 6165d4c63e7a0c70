package cli_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"organization/organization.yaml": "---\nid: " + acme + "\nslug: acme-foods\nname: Acme Foods\ncreated_at: \"2026-01-02T03:04:05Z\"\n",
		"products/p1/product.yaml":       "id: p1\norganization_id: " + acme + "\nname: Tea\nprice_cents: 450\ntags:\n  - hot\n  - green\n",
		"products/p2/product.yaml":       "id: p2\norganization_id: " + acme + "\nname: \"no\"\nprice_cents: 1\ntags: []\n",
		"products/members.csv": "id,organization_id,email,name\r\n1," + acme + ",a@example.org,Zoë\r\n" +
			"2," + acme + ",b@example.org,'=1+1\r\n",
		"products/p1/1-tea.png":   "not really a picture",
		"products/p2/2-noise.bin": noise,
	}
	for _, format := range []string{"zip", "tar.gz", "tar.xz", "tar.zst"} {
		t.Run(format, func(t *testing.T) {
			dir := shop(t, organizationSection, productsSection)
			o := run(t, dir, "--format", format)
			o.want(t, 0)
			name := stem + "." + format
			nothingLeft(t, dir, name)
			files := extract(t, format, read(t, filepath.Join(dir, name)))
			for file, content := range want {
				if files[stem+"/"+file] != content {
					t.Errorf("%s is %.200q, want %.200q", file, files[stem+"/"+file], content)
				}
			}
			if len(files) != len(want)+2 {
				t.Errorf("files are %q", slices.Sorted(maps.Keys(files)))
			}
			table := "SECTION       STATUS        RECORDS      BINARIES\n" +
				"organization  ok                  1             0\n" +
				"products      ok                  4             2\n" +
				"\nfile    " + name + "\nsize    "
			if !strings.HasPrefix(o.stdout, table) {
				t.Errorf("inventory is\n%s\nwant\n%s", o.stdout, table)
			}
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if runtime.GOOS != "windows" && info.Mode() != 0o600 {
				t.Errorf("mode is %v", info.Mode())
			}
		})
	}
}

func TestEmptyOrganization(t *testing.T) {
	t.Parallel()
	dir := shop(t, organizationSection, productsSection)
	o := run(t, dir, "--organization", empty)
	o.want(t, 0)
	if !strings.Contains(o.stdout, "products      empty               0             0\n") {
		t.Errorf("inventory is\n%s", o.stdout)
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	dir := shop(t, organizationSection, productsSection, brokenSection)
	o := run(t, dir, "--json", "--out", "out", "--as-of", "2026-06-26T23:00:00.7+02:00")
	o.want(t, 3, `exportd: warning: section "broken" is incomplete (error): The data could not be read.`)
	var got map[string]any
	if err := json.Unmarshal([]byte(o.stdout), &got); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("out", stem+".zip")
	archive := read(t, filepath.Join(dir, path))
	if got["size_bytes"] != float64(len(archive)) || len(got["sha256"].(string)) != 64 {
		t.Errorf("size is %v, sum %v", got["size_bytes"], got["sha256"])
	}
	manifest := extract(t, "zip", archive)[stem+"/manifest.yaml"]
	if !strings.Contains(manifest, "job: "+got["job_id"].(string)) {
		t.Errorf("job is %v, manifest\n%s", got["job_id"], manifest)
	}
	delete(got, "size_bytes")
	delete(got, "sha256")
	delete(got, "job_id")
	want := map[string]any{
		"filename":     stem + ".zip",
		"path":         path,
		"as_of":        asOf,
		"organization": map[string]any{"id": acme, "slug": "acme-foods", "name": "Acme Foods"},
		"sections": []any{
			map[string]any{"key": "organization", "status": "ok", "record_count": 1.0},
			map[string]any{"key": "products", "status": "ok", "record_count": 4.0, "binary_count": 2.0},
			map[string]any{"key": "broken", "status": "error", "record_count": 0.0, "error": "The data could not be read."},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("inventory is\n%v\nwant\n%v", got, want)
	}
}

func TestSameBytesTwice(t *testing.T) {
	t.Parallel()
	dir := shop(t, organizationSection, productsSection)
	for _, format := range []string{"zip", "tar.gz", "tar.xz", "tar.zst"} {
		run(t, dir, "--out", "out/first", "--format", format).want(t, 0)
		run(t, dir, "--out", "out/second", "--format", format).want(t, 0)
		if read(t, dir+"/out/first") != read(t, dir+"/out/second") {
			t.Errorf("two runs gave different bytes of %s", format)
		}
	}
	run(t, dir, "--out", "out/later", "--format", "tar.xz", "--as-of", "2026-06-26T21:00:01Z").want(t, 0)
	if read(t, dir+"/out/first") == read(t, dir+"/out/later") {
		t.Error("two instants gave the same bytes")
	}
}

func TestOrganizationQuery(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, id, query, want string }{
		{"none", "x' OR '1'='1", "SELECT id, slug, name FROM organizations WHERE id = :organization_id",
			`exportd: organization "x' OR '1'='1" not found` + "\n"},
		{"fails", acme, "SELECT id, slug, name FROM organisations WHERE id = :organization_id", "exportd: query of the organization: "},
		{"two rows", acme, "SELECT :organization_id AS id, slug, name FROM organizations", "exportd: query of the organization: it returns more than one row\n"},
		{"no name", acme, "SELECT id, slug FROM organizations WHERE id = :organization_id", `exportd: query of the organization: it returns no column "name"` + "\n"},
		{"another", acme, "SELECT id, slug, name FROM organizations WHERE id <> :organization_id",
			`exportd: query of the organization: it returns "` + empty + `" for "` + acme + `"` + "\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := shop(t, organizationSection)
			config := strings.Replace(source, "SELECT id, slug, name FROM organizations WHERE id = :organization_id", c.query, 1)
			write(t, filepath.Join(dir, "exportd.yaml"), config+organizationSection)
			o := run(t, dir, "--organization", c.id)
			o.want(t, 1, c.want)
			if strings.Count(o.stderr, "\n") != 1 || o.stdout != "" {
				t.Errorf("it says\n%s%s", o.stdout, o.stderr)
			}
			nothingLeft(t, dir)
		})
	}
}

// What fails in a section is in the inventory; its SQL is for the operator
// alone.
func TestFailingSection(t *testing.T) {
	t.Parallel()
	dir := shop(t, brokenSection, organizationSection, productsSection)
	execute(t, dir, "INSERT INTO assets VALUES (3, '"+acme+"', 'p1', '../exportd.yaml'), (4, '"+acme+"', 'p1', 'none.png'), (5, '"+acme+"', 'p1', 'link')")
	if err := os.Symlink("../exportd.yaml", filepath.Join(dir, "files/link")); err != nil {
		t.Fatal(err)
	}
	o := run(t, dir, "--out", "out/a.zip")
	o.want(t, 3, "sekret", "section failed",
		`exportd: warning: section "broken" is incomplete (error): The data could not be read.`,
		`exportd: warning: section "products" is incomplete (partial): 3 items were skipped; they are listed in products/_skipped.ndjson.`)
	files := extract(t, "zip", read(t, filepath.Join(dir, "out/a.zip")))
	skipped := files[stem+"/products/_skipped.ndjson"]
	for _, ref := range []string{"../exportd.yaml", "none.png", "link"} {
		if !strings.Contains(skipped, `{"ref":"`+ref+`",`) {
			t.Errorf("%s is not in\n%s", ref, skipped)
		}
	}
	files["inventory"] = o.stdout
	for name, content := range files {
		for _, secret := range []string{"sekret", "SELECT", dir} {
			if strings.Contains(content, secret) {
				t.Errorf("%s has %q in\n%s", name, secret, content)
			}
		}
	}
	if !strings.Contains(o.stdout, "\nbroken: The data could not be read.\nproducts: 3 items were skipped") {
		t.Errorf("inventory is\n%s", o.stdout)
	}
}

func TestRequiredSection(t *testing.T) {
	t.Parallel()
	dir := shop(t, organizationSection, strings.Replace(brokenSection, "records", "required: true\n    records", 1))
	write(t, filepath.Join(dir, "out/a.zip"), "old")
	o := run(t, dir, "--out", "out/a.zip")
	o.want(t, 1, `required section "broken": error`)
	if o.stdout != "" || read(t, filepath.Join(dir, "out/a.zip")) != "old" {
		t.Errorf("it says\n%s", o.stdout)
	}
	nothingLeft(t, dir, "out/a.zip")
}

func TestUsage(t *testing.T) {
	t.Parallel()
	dir := shop(t, organizationSection)
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"unknown command", []string{"rum"}, `unknown command "rum"`},
		{"no flags", []string{"run"}, `required flag(s) "organization" not set`},
		{"unknown flag", runFlags("--fast"), "unknown flag: --fast"},
		{"argument", runFlags("more"), `"more" is an argument too many: exportd `},
		{"format", runFlags("--format", "rar"), `--format "rar" is none of zip, tar.gz, tar.xz, tar.zst`},
		{"as-of", runFlags("--as-of", "yesterday"), `--as-of "yesterday" is not a time`},
		{"log level", runFlags("--log-level", "loud"), "invalid argument \"loud\""},
		{"no organization", runFlags("--organization", ""), "--organization is empty"},
		{"no configuration", runFlags("--config", "none.yaml"), "none.yaml"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := finish(t, command(t, dir, c.args...))
			o.want(t, 2, "exportd: ", c.want)
			if strings.Count(o.stderr, "\n") > 3 || o.stdout != "" {
				t.Errorf("it says\n%s%s", o.stdout, o.stderr)
			}
			nothingLeft(t, dir)
		})
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"Exit status:":                           {"run", "--help"},
		"formula_guard: true":                    {"help", "config"},
		"Export one organization into an archiv": {},
	} {
		o := finish(t, command(t, t.TempDir(), args...))
		if o.status != 0 || !strings.Contains(o.stdout, want) || o.stderr != "" {
			t.Errorf("%q: status %d and\n%s%s", args, o.status, o.stdout, o.stderr)
		}
	}
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		replace []string
		want    string
	}{
		{"wrong", []string{"required: true", "requierd: true", "json: [tags]", "json: tags"},
			`exportd: exportd.yaml:7: unknown key "requierd"; did you mean "required"?` + "\n" +
				`exportd: exportd.yaml:12: "tags" must be a list` + "\n"},
		{"missing", []string{"shop #1.db", "none.db", "scratch: scratch", "scratch: none", "dir:files", "dir:shop #1.db"},
			"exportd: exportd.yaml:2: there is no database file none.db\n" +
				"exportd: exportd.yaml:3: there is no folder none\n" +
				"exportd: exportd.yaml:15: shop #1.db is no folder, but a file\n"},
		{"no database", []string{"shop #1.db", "files"}, "exportd: exportd.yaml:2: files is not a database file\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := shop(t, organizationSection, productsSection)
			file := filepath.Join(dir, "exportd.yaml")
			write(t, file, strings.NewReplacer(c.replace...).Replace(read(t, file)))
			o := run(t, dir)
			o.want(t, 2, "exportd: ")
			if o.stderr != c.want || o.stdout != "" {
				t.Errorf("it says\n%s%swant\n%s", o.stdout, o.stderr, c.want)
			}
			nothingLeft(t, dir)
		})
	}
}

func TestNotADatabase(t *testing.T) {
	t.Parallel()
	dir := shop(t, organizationSection)
	write(t, filepath.Join(dir, "shop #1.db"), strings.Repeat("not a database ", 1000))
	run(t, dir).want(t, 1, "exportd: database: ", "not a database")
}

// No password of a database appears anywhere, whatever is wrong with its
// address.
func TestPassword(t *testing.T) {
	t.Parallel()
	for address, status := range map[string]int{
		"postgres://me:s3cret@127.0.0.1:1/shop":               1,
		"postgres://me:s3cret@127.0.0.1:99999/shop":           2,
		"postgres://me:s3cret@127.0.0.1/shop?sslmode=strange": 2,
		"postgres://me:s3cret@[::1/shop":                      2,
		"postgres://me:s3cret%zz@127.0.0.1/shop":              2,
		"postgres://me:pass/s3cret@127.0.0.1/shop":            2,
		"postgres:me:s3cret":                                  2,
		"mysql://me:s3cret@127.0.0.1/shop":                    2,
	} {
		dir := shop(t, organizationSection)
		file := filepath.Join(dir, "exportd.yaml")
		write(t, file, strings.Replace(read(t, file), "sqlite:shop #1.db", address, 1))
		o := run(t, dir, "--log-level", "debug")
		o.want(t, status, "exportd: ")
		if strings.Contains(o.stderr+o.stdout, "s3cret") {
			t.Errorf("%s: it says\n%s", address, o.stderr)
		}
	}
}
