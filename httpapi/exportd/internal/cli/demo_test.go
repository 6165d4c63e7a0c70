package cli_test

import (
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// demoStem matches the names of the demo's archives, without the ending.
var demoStem = regexp.MustCompile(`^export-acme-foods-\d{8}-\d{6}`)

// demo runs exportd demo in a folder, and checks that it leaves no temporary
// file.
func demo(t *testing.T, dir string, flags ...string) outcome {
	t.Helper()
	temporary := t.TempDir()
	c := command(t, dir, append([]string{"demo"}, flags...)...)
	c.Env = append(c.Env, "TMPDIR="+temporary, "HOME="+temporary)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		c.Env = append(c.Env, name+"=http://127.0.0.1:1") // where nobody listens
	}
	o := finish(t, c)
	wantFiles(t, temporary)
	return o
}

// demoArchive returns the name of the one archive in a folder, and its stem.
func demoArchive(t *testing.T, dir, format string) (file, stem string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("the folder has %v, %v, want one archive", entries, err)
	}
	file = entries[0].Name()
	stem, ok := strings.CutSuffix(file, "."+format)
	if !ok || demoStem.FindString(stem) != stem {
		t.Fatalf("the archive is named %q", file)
	}
	return file, stem
}

func needTools(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err == nil {
			continue
		}
		if os.Getenv("REQUIRE_TOOLS") == "1" {
			t.Fatalf("there is no %s, and REQUIRE_TOOLS is 1", name)
		}
		t.Skipf("there is no %s", name)
	}
}

func TestDemo(t *testing.T) {
	t.Parallel()
	needTools(t, "unzip", "tar", "sha256sum", "sh")
	var first map[string]string
	for _, format := range []string{"zip", "tar.gz"} {
		t.Run(format, func(t *testing.T) {
			dir := t.TempDir()
			o := demo(t, dir, "--format", format)
			o.want(t, 0, "products          ok                  120 records      240 binaries\n", "offers            ok ") // in any order
			if strings.Count("\n"+o.stderr, " records ") != 4 || strings.Count(o.stderr, "\n") != 4 {
				t.Errorf("progress is\n%s", o.stderr)
			}
			file, stem := demoArchive(t, dir, format)
			checkDemoOutput(t, o.stdout, file, stem)
			tryNext(t, dir, o.stdout, stem)
			files := demoFiles(t, filepath.Join(dir, stem))
			if len(files) != 1+1+120+240+1+2 {
				t.Errorf("%d files", len(files))
			}
			// These two tell which job it was.
			delete(files, "manifest.yaml")
			delete(files, "SHA256SUMS")
			if first == nil {
				first = files
			}
			if !maps.Equal(files, first) {
				t.Error("the files are not those of the other format")
			}
			for name, content := range files {
				if strings.Contains(content, "Globex") || strings.Contains(content, "globex") {
					t.Errorf("%s is of another organization", name)
				}
			}
		})
	}
}

// checkDemoOutput checks the tree and the inventory. The folders of products
// are named by ids.
func checkDemoOutput(t *testing.T, got, file, stem string) {
	t.Helper()
	got = regexp.MustCompile(`\b[0-9A-Za-z]{22}/`).ReplaceAllString(got, "ID/")
	got = regexp.MustCompile(`af-\d{4}`).ReplaceAllString(got, "af-N")
	product := "    ID/\n      product.yaml\n      af-N-front.png\n      af-N-back.png\n"
	for _, text := range []string{
		"\n" + stem + "/\n  organization/\n    organization.yaml\n  members/\n    members.csv\n  products/\n" +
			product + product + product + "    … 117 more\n  offers/\n    offers.ndjson\n  manifest.yaml\n  SHA256SUMS\n\n",
		"\nproducts      ok                120           240\noffers        ok                240             0\n",
		"\nfile    " + file + "\n",
		"\n" + file + " is whole: 365 files, ",
	} {
		if !strings.Contains(got, text) {
			t.Errorf("it says\n%s\nwant\n%s", got, text)
		}
	}
}

// tryNext does what the demo says to try, as it stands there.
func tryNext(t *testing.T, dir, printed, stem string) {
	t.Helper()
	_, next, ok := strings.Cut(printed, "\nTry next:\n")
	if !ok {
		t.Fatalf("it says\n%s", printed)
	}
	c := command(t, dir)
	c.Path = "/bin/sh"
	c.Args = []string{"sh", "-euc", next}
	o := finish(t, c)
	o.want(t, 0)
	for _, text := range []string{"  " + stem + "/offers/offers.ndjson\n", " is whole: 365 files, ", "exportd.yaml was written"} {
		if !strings.Contains(o.stdout, text) {
			t.Errorf("%q is not in\n%s", text, o.stdout)
		}
	}
}

// demoFiles reads all files below a folder.
func demoFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files[path] = read(t, filepath.Join(dir, path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestDemoFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "b c"), 0o700); err != nil {
		t.Fatal(err)
	}
	o := demo(t, dir, "--out", "b c")
	file, _ := demoArchive(t, filepath.Join(dir, "b c"), "zip")
	if o.status != 0 || !strings.Contains(o.stdout, "\nfile    b c/"+file+"\n") || !strings.Contains(o.stdout, " verify 'b c/"+file+"'\n") {
		t.Fatalf("status %d\n%s%s", o.status, o.stdout, o.stderr)
	}
}

func TestDemoFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "file"), "")
	for _, format := range []string{"rar", "tar.xz"} { // the API has no tar.xz
		demo(t, dir, "--format", format).want(t, 2, `exportd: --format "`+format+`" is none of zip, tar.gz`+"\n")
	}
	for _, out := range []string{"none", "file", "-", ""} {
		demo(t, dir, "--out", out).want(t, 2, "exportd: --out \""+out+"\" is not a folder\n")
	}
	demo(t, dir, "more").want(t, 2, `"more" is an argument too many: exportd `)
	demo(t, dir, "--as-of", asOf).want(t, 2, "exportd: unknown flag: --as-of\n")
	c := command(t, dir, "demo")
	c.Env = append(c.Env, "TMPDIR="+filepath.Join(dir, "none"))
	finish(t, c).want(t, 1, "no such file or directory\n")
	wantFiles(t, dir, "file")
}
