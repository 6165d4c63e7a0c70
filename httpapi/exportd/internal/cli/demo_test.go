package cli_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const demoStem = "export-acme-foods-20260626-210000"

// demo runs exportd demo in a folder, and checks that it leaves no temporary
// file.
func demo(t *testing.T, dir string, flags ...string) outcome {
	t.Helper()
	temporary := t.TempDir()
	c := command(t, dir, append([]string{"demo", "--as-of", asOf}, flags...)...)
	c.Env = append(c.Env, "TMPDIR="+temporary, "HTTP_PROXY=http://127.0.0.1:1", "HOME="+temporary)
	o := finish(t, c)
	wantFiles(t, temporary)
	return o
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
	needTools(t, "unzip", "tar", "xz", "sha256sum", "sh")
	var first map[string]string
	for _, format := range []string{"zip", "tar.gz", "tar.xz"} {
		t.Run(format, func(t *testing.T) {
			dir := t.TempDir()
			file := demoStem + "." + format
			o := demo(t, dir, "--format", format)
			o.want(t, 0, "\nproducts          ok                  120 records      240 binaries")
			if strings.Count(o.stderr, "\n") != 4 {
				t.Errorf("progress is\n%s", o.stderr)
			}
			wantFiles(t, dir, file)
			checkDemoOutput(t, o.stdout, file)
			tryNext(t, dir, o.stdout)
			files := demoFiles(t, filepath.Join(dir, demoStem))
			if first == nil {
				first = files
			}
			for name, content := range files {
				if content != first[name] {
					t.Errorf("%s is not what it was", name)
				}
				if strings.Contains(content, "Globex") || strings.Contains(content, "globex") {
					t.Errorf("%s is of another organization", name)
				}
			}
			if len(files) != 1+1+120+240+1+2 {
				t.Errorf("%d files", len(files))
			}
		})
	}
}

// checkDemoOutput checks the tree and the inventory. The folders of products
// are named by ids.
func checkDemoOutput(t *testing.T, got, file string) {
	t.Helper()
	got = regexp.MustCompile(`\b[0-9A-Za-z]{22}/`).ReplaceAllString(got, "ID/")
	got = regexp.MustCompile(`af-\d{4}`).ReplaceAllString(got, "af-N")
	product := "    ID/\n      product.yaml\n      af-N-front.png\n      af-N-back.png\n"
	for _, text := range []string{
		"\n" + demoStem + "/\n  organization/\n    organization.yaml\n  members/\n    members.csv\n  products/\n" +
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
func tryNext(t *testing.T, dir, printed string) {
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
	for _, text := range []string{"  " + demoStem + "/offers/offers.ndjson\n", " is whole: 365 files, ", "exportd.yaml was written"} {
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

func TestDemoSameBytes(t *testing.T) {
	dir := t.TempDir()
	for _, folder := range []string{"a", "b c"} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
		if o := demo(t, dir, "--out", folder); o.status != 0 || !strings.Contains(o.stdout, "\nfile    "+folder+"/"+demoStem+".zip\n") {
			t.Fatalf("status %d\n%s%s", o.status, o.stdout, o.stderr)
		}
	}
	if read(t, filepath.Join(dir, "a", demoStem+".zip")) != read(t, filepath.Join(dir, "b c", demoStem+".zip")) {
		t.Error("two demos gave different bytes")
	}
}

func TestDemoFails(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "file"), "")
	demo(t, dir, "--format", "rar").want(t, 2, `exportd: --format "rar" is none of zip, tar.gz, tar.xz`)
	for _, out := range []string{"none", "file", "-", ""} {
		demo(t, dir, "--out", out).want(t, 2, "exportd: --out \""+out+"\" is not a folder\n")
	}
	demo(t, dir, "more").want(t, 2, `unknown command "more"`)
	c := command(t, dir, "demo")
	c.Env = append(c.Env, "TMPDIR="+filepath.Join(dir, "none"))
	finish(t, c).want(t, 1, "no such file or directory\n")
	wantFiles(t, dir, "file")
}
