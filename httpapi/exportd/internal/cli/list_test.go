package cli_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// smallArchive makes an archive of a few files, and returns its name and the
// lines of its list.
func smallArchive(t *testing.T, format string) (dir, file string, lines []string) {
	t.Helper()
	dir = shop(t, organizationSection, productsSection)
	run(t, dir, "--format", format).want(t, 0)
	file = stem + "." + format
	for name, content := range extract(t, format, read(t, filepath.Join(dir, file))) {
		lines = append(lines, fmt.Sprintf("%12d  %s\n", len(content), name))
	}
	slices.Sort(lines)
	return dir, file, lines
}

// withInput is the program with a file as standard input: through a pipe, or as
// it is.
func withInput(t *testing.T, dir, file string, pipe bool, args ...string) outcome {
	t.Helper()
	c := command(t, dir, args...)
	if pipe {
		c.Stdin = strings.NewReader(read(t, filepath.Join(dir, file)))
		return finish(t, c)
	}
	in, err := os.Open(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	c.Stdin = in
	return finish(t, c)
}

func TestList(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"zip", "tar.gz", "tar.xz", "tar.zst"} {
		t.Run(format, func(t *testing.T) {
			dir, file, want := smallArchive(t, format)
			if err := os.Link(filepath.Join(dir, file), filepath.Join(dir, "other.name")); err != nil {
				t.Fatal(err)
			}
			for _, o := range []outcome{
				finish(t, command(t, dir, "list", file)),
				finish(t, command(t, dir, "list", "other.name")),
				finish(t, command(t, dir, "list", "--format", format, file)),
				withInput(t, dir, file, true, "list", "-"),
				withInput(t, dir, file, false, "list", "-"),
			} {
				o.want(t, 0)
				got := slices.Sorted(strings.Lines(o.stdout))
				if !slices.Equal(got, want) {
					t.Errorf("list is\n%s\nwant\n%s", got, want)
				}
			}
			o := finish(t, command(t, dir, "list", "--json", file))
			o.want(t, 0)
			var files []struct {
				Name     string
				Size     int64 `json:"size_bytes"`
				Modified string
			}
			if err := json.Unmarshal([]byte(o.stdout), &files); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range files {
				got = append(got, fmt.Sprintf("%12d  %s\n", f.Size, f.Name))
				if f.Modified != asOf {
					t.Errorf("%s is of %s", f.Name, f.Modified)
				}
			}
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("list is\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// damage makes a file with other contents beside the archive.
func damage(t *testing.T, dir, file, name string, change func([]byte) []byte) {
	t.Helper()
	write(t, filepath.Join(dir, name), string(change([]byte(read(t, filepath.Join(dir, file))))))
}

func TestListDamaged(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"zip", "tar.gz", "tar.xz", "tar.zst"} {
		dir, file, _ := smallArchive(t, format)
		damage(t, dir, file, "cut."+format, func(b []byte) []byte { return b[:len(b)*2/3] })
		damage(t, dir, file, "empty."+format, func([]byte) []byte { return nil })
		damage(t, dir, file, "start."+format, func(b []byte) []byte { b[0] ^= 1; return b })
		damage(t, dir, file, "bit."+format, func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
		for _, name := range []string{"cut.", "empty.", "start.", "bit."} {
			o := finish(t, command(t, dir, "list", name+format))
			o.want(t, 1, "exportd: archive: ")
			if strings.Count(o.stderr, "\n") != 1 {
				t.Errorf("it says\n%s", o.stderr)
			}
		}
	}
}

func TestListUnreadable(t *testing.T) {
	t.Parallel()
	dir, file, _ := smallArchive(t, "zip")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"none.zip"}, "no such file or directory"},
		{[]string{"files"}, "files is a folder"},
		{[]string{"exportd.yaml"}, "exportd.yaml is no archive of the formats zip, tar.gz, tar.xz, tar.zst"},
		{[]string{"--format", "rar", file}, `--format "rar" is none of`},
		{nil, "FILE is missing: exportd list FILE [flags]"},
	} {
		o := finish(t, command(t, dir, append([]string{"list"}, c.args...)...))
		o.want(t, 2, "exportd: ", c.want)
	}
	finish(t, command(t, dir, "list", "--format", "tar.gz", file)).want(t, 1, "exportd: archive: damaged: ")
	withInput(t, dir, "exportd.yaml", true, "list", "-").want(t, 2, "standard input is no archive")
}
