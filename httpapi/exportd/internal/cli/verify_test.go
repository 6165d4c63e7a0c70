package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestVerifyWhole(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"zip", "tar.gz", "tar.xz", "tar.zst"} {
		t.Run(format, func(t *testing.T) {
			dir, file, lines := smallArchive(t, format)
			size := 0
			for _, content := range extract(t, format, read(t, filepath.Join(dir, file))) {
				size += len(content)
			}
			for name, o := range map[string]outcome{
				file:             finish(t, command(t, dir, "verify", file)),
				"./" + file:      finish(t, command(t, dir, "verify", "--format", format, "./"+file)),
				"standard input": withInput(t, dir, file, true, "verify", "-"),
			} {
				o.want(t, 0)
				if want := fmt.Sprintf("%s is whole: %d files, %d bytes unpacked\n", name, len(lines), size); o.stdout != want {
					t.Errorf("it says %q, want %q", o.stdout, want)
				}
			}
			withInput(t, dir, file, false, "verify", "-").want(t, 0)
			o := finish(t, command(t, dir, "verify", "--json", file))
			o.want(t, 0)
			var got map[string]any
			if err := json.Unmarshal([]byte(o.stdout), &got); err != nil {
				t.Fatal(err)
			}
			if manifest := got["manifest"].(map[string]any); manifest["as_of"] != asOf {
				t.Errorf("manifest is %v", manifest)
			}
			delete(got, "manifest")
			want := map[string]any{
				"whole": true, "format": format, "folder": stem, "files": float64(len(lines)), "bytes": float64(size),
				"signed": false, "findings": []any{}, "total_findings": 0.0,
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("report is\n%v, want\n%v", got, want)
			}
		})
	}
}

func TestVerifyNotWhole(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		change string
		want   []string // what lines of the output begin with
	}{
		{"sed -i s/Zoë/Zoé/ products/members.csv", []string{"changed    " + stem + "/products/members.csv: "}},
		{"rm products/p1/product.yaml; echo > '\u202eexe'", []string{
			`extra      "` + stem + `/\u202eexe": `,
			"manifest   " + stem + "/manifest.yaml: ",
			"missing    " + stem + "/products/p1/product.yaml: ",
		}},
		{"mv products/members.csv products/staff.csv", []string{"renamed    " + stem + "/products/staff.csv: "}},
	} {
		dir, file := tampered(t, c.change)
		o := finish(t, command(t, dir, "verify", file))
		findings := fmt.Sprint(len(c.want), " findings")
		if len(c.want) == 1 {
			findings = "1 finding"
		}
		o.want(t, 1, "exportd: other.tar.gz is not whole: "+findings+"\n")
		lines := slices.Sorted(strings.Lines(o.stdout))
		if !slices.EqualFunc(lines, c.want, strings.HasPrefix) {
			t.Errorf("%s: it says\n%s\nwant\n%s", c.change, lines, c.want)
		}
		o = finish(t, command(t, dir, "verify", "--json", file))
		o.want(t, 1, "other.tar.gz is not whole: "+findings+"\n")
		var got struct {
			Whole    bool
			Findings []struct{ Kind, Path, Detail string }
		}
		if err := json.Unmarshal([]byte(o.stdout), &got); err != nil {
			t.Fatal(err)
		}
		if got.Whole || len(got.Findings) != len(c.want) {
			t.Errorf("%s: report is %+v", c.change, got)
		}
	}
}

func TestVerifyDamaged(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"zip", "tar.gz", "tar.xz", "tar.zst"} {
		dir, file, _ := smallArchive(t, format)
		damage(t, dir, file, "cut."+format, func(b []byte) []byte { return b[:len(b)*2/3] })
		damage(t, dir, file, "empty."+format, func([]byte) []byte { return nil })
		damage(t, dir, file, "bit."+format, func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
		for _, name := range []string{"cut.", "empty.", "bit."} {
			o := finish(t, command(t, dir, "verify", name+format))
			o.want(t, 1, "is not whole: 1 finding\n")
			if !strings.HasPrefix(o.stdout, "damaged ") || strings.Count(o.stdout, "\n") != 1 {
				t.Errorf("%s%s: it says %q", name, format, o.stdout)
			}
		}
	}
}

func TestVerifyUnreadable(t *testing.T) {
	t.Parallel()
	dir, file, _ := smallArchive(t, "zip")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"none.zip"}, "no such file or directory"},
		{[]string{"out"}, "out is a folder"},
		{[]string{"exportd.yaml"}, "exportd.yaml is no archive of the formats zip, tar.gz, tar.xz, tar.zst"},
		{[]string{"--format", "rar", file}, `--format "rar" is none of`},
		{[]string{file, file}, "is an argument too many: exportd verify FILE [flags]"},
	} {
		o := finish(t, command(t, dir, append([]string{"verify"}, c.args...)...))
		o.want(t, 2, "exportd: ", c.want)
		if o.stdout != "" {
			t.Errorf("it says\n%s", o.stdout)
		}
	}
	// A copy of standard input that does not fit is not the archive's fault.
	c := command(t, dir, "verify", "-")
	c.Stdin = strings.NewReader(read(t, filepath.Join(dir, file)))
	c.Env = append(c.Env, "TMPDIR="+filepath.Join(dir, "none"))
	finish(t, c).want(t, 2, "no such file or directory\n")
}

func TestVerifyCannotTell(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	dir, file := tampered(t, "rm products/members.csv")
	for _, args := range [][]string{{"verify", file}, {"verify", "--json", file}} {
		c := command(t, dir, args...)
		c.Stdout = full
		finish(t, c).want(t, 1, "exportd: write /dev/stdout: no space left on device\n")
	}
}

// Commands that wait for a pipe that nobody writes to can be ended.
func TestInterruptedReading(t *testing.T) {
	t.Parallel()
	dir, file, _ := smallArchive(t, "tar.gz")
	// More than a pipe holds: who has it written knows that it is being read.
	start := read(t, filepath.Join(dir, file))[:200_000]
	for _, args := range [][]string{{"verify", "-"}, {"list", "-"}, {"cat", "-", "manifest.yaml"}} {
		c := command(t, dir, args...)
		var stderr bytes.Buffer
		c.Stderr = &stderr
		in, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(in, start); err != nil {
			t.Error(err)
		}
		if err := c.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		err = c.Wait()
		if c.ProcessState.ExitCode() != 143 || stderr.String() != "exportd: interrupted\n" {
			t.Errorf("%s: %v\n%s", args, err, stderr.String())
		}
	}
}

func TestVerifyOnTerminal(t *testing.T) {
	t.Parallel()
	needTools(t, "script")
	dir, file, _ := smallArchive(t, "zip")
	inner := command(t, dir, "verify", file)
	c := command(t, dir)
	var err error
	if c.Path, err = exec.LookPath("script"); err != nil {
		t.Fatal(err)
	}
	c.Args = []string{"script", "-qec", "'" + strings.Join(inner.Args, "' '") + "'", "/dev/null"}
	c.Env = append(c.Env, "TERM=xterm")
	o := finish(t, c)
	o.want(t, 0)
	if !strings.Contains(o.stdout, "\r\x1b[K[##############################] 100 %  ") || !strings.Contains(o.stdout, "\r\x1b[K"+file+" is whole: ") {
		t.Errorf("terminal shows %q", o.stdout)
	}
}
