package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestCat(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"zip", "tar.gz", "tar.xz", "tar.zst"} {
		t.Run(format, func(t *testing.T) {
			dir, file, _ := smallArchive(t, format)
			for name, content := range extract(t, format, read(t, filepath.Join(dir, file))) {
				for _, path := range []string{name, strings.TrimPrefix(name, stem+"/")} {
					o := finish(t, command(t, dir, "cat", file, path))
					o.want(t, 0)
					if o.stdout != content {
						t.Errorf("%s is\n%.200q, want\n%.200q", path, o.stdout, content)
					}
				}
			}
			o := withInput(t, dir, file, true, "cat", "-", "manifest.yaml")
			o.want(t, 0)
			if !strings.HasPrefix(o.stdout, "format_version: ") {
				t.Errorf("manifest is\n%s", o.stdout)
			}
			for _, path := range []string{"none", stem, "", "tea.png", "products", "../manifest.yaml"} {
				o := finish(t, command(t, dir, "cat", file, path))
				o.want(t, 1, "exportd: there is no file \""+path+"\" in the archive\n")
				if o.stdout != "" {
					t.Errorf("%s is\n%s", path, o.stdout)
				}
			}
		})
	}
}

// tampered makes an archive with tar of the tree of another after a change by
// sh.
func tampered(t *testing.T, change string) (dir, file string) {
	t.Helper()
	needTools(t, "tar", "sh")
	dir, file, _ = smallArchive(t, "tar.gz")
	c := exec.CommandContext(t.Context(), "sh", "-euc", "tar -xzf "+file+"; cd "+stem+"; "+change+"; cd ..; tar -czf other.tar.gz "+stem)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir, "other.tar.gz"
}

func TestCatDamaged(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ change, want string }{
		{"echo more >> products/members.csv", " is not what SHA256SUMS says: do not use what was printed\n"},
		{"sed -i /members.csv/d SHA256SUMS", " is not in SHA256SUMS: "},
		{"rm SHA256SUMS", " is not in SHA256SUMS: "},
		{"tr '\\n' ' ' < /dev/zero | head -c 200000 >> SHA256SUMS", "SHA256SUMS has a line that is too long"},
	} {
		dir, file := tampered(t, c.change)
		finish(t, command(t, dir, "cat", file, "products/members.csv")).want(t, 1, c.want)
	}
	for _, format := range []string{"zip", "tar.gz", "tar.xz", "tar.zst"} {
		dir, file, _ := smallArchive(t, format)
		damage(t, dir, file, "cut", func(b []byte) []byte { return b[:len(b)*2/3] })
		finish(t, command(t, dir, "cat", "cut", "organization/organization.yaml")).want(t, 1, "exportd: archive: damaged: ")
	}
	// Somebody may have packed what is in the folder at the top.
	dir, _ := tampered(t, "tar -czf ../flat.tar.gz *")
	finish(t, command(t, dir, "cat", "flat.tar.gz", "products/members.csv")).want(t, 0)
}

func TestCatFails(t *testing.T) {
	t.Parallel()
	dir, file, _ := smallArchive(t, "zip")
	finish(t, command(t, dir, "cat", "none.zip", "a")).want(t, 2, "no such file or directory")
	finish(t, command(t, dir, "cat", file)).want(t, 2, "exportd: PATH is missing: exportd cat FILE PATH [flags]\n")
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	for _, args := range [][]string{{"cat", file, "manifest.yaml"}, {"list", file}, {"list", "--json", file}, {"version"}, {"--version"}, {"init", "-"}} {
		c := command(t, dir, args...)
		c.Stdout = full
		finish(t, c).want(t, 1, "exportd: write /dev/stdout: no space left on device\n")
	}
}
