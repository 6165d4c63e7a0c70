package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/demo"
)

const demoHelp = `Demo shows what an export is, without any configuration and without a network.
It makes a small catalogue of a made-up organization, Acme Foods, in a temporary
folder: a SQLite database of products, offers and members, and a folder of
images. It exports that organization in the way of exportd run, with the
configuration that exportd init writes, checks the archive in the way of exportd
verify, and shows what is in it. The catalogue is removed, the archive stays.

Exit status:
  0    the archive was made, and is whole
  1    the demo failed
  2    wrong usage
  130  ended by SIGINT (128 and the number of the signal; 143 by SIGTERM)`

func demoCommand() *cobra.Command {
	var o runOptions
	c := &cobra.Command{
		Use:   "demo [flags]",
		Short: "Export a made-up organization, to see how it works",
		Long:  demoHelp,
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return o.demo(c.Context())
		},
		DisableFlagsInUseLine: true,
	}
	f := c.Flags()
	f.SortFlags = false
	o.formatFlag(c)
	f.StringVar(&o.out, "out", ".", "`DIR` for the archive")
	o.asOfFlag(c)
	if err := c.MarkFlagDirname("out"); err != nil {
		panic(err) // there is no such flag
	}
	return c
}

// demo makes the catalogue, exports it and shows the archive.
func (o *runOptions) demo(ctx context.Context) (err error) {
	o.organization = demo.OrganizationID()
	request, err := o.request()
	if err != nil {
		return err
	}
	if info, err := os.Stat(o.out); err != nil || !info.IsDir() {
		return fmt.Errorf("--out %q is not a folder", o.out)
	}
	dir, err := os.MkdirTemp("", "exportd-demo-*")
	if err != nil {
		return failed(err)
	}
	defer func() {
		if rerr := os.RemoveAll(dir); err == nil {
			err = failed(rerr)
		}
	}()
	if err := demo.Make(ctx, dir); err != nil {
		return failed(err)
	}
	o.config = filepath.Join(dir, "exportd.yaml")
	if err := os.WriteFile(o.config, []byte(config.Starter()), 0o600); err != nil {
		return failed(err)
	}
	c, err := config.Load(o.config)
	if err != nil {
		return failed(err)
	}
	stderr := newScreen(os.Stderr, c)
	stderr.log = true
	made, err := o.export(ctx, c, request, stderr)
	if err != nil {
		return &failure{err}
	}
	return failed(o.show(ctx, made))
}

// show checks the archive and prints what is in it and what to do with it.
func (o *runOptions) show(ctx context.Context, made inventory) error {
	whole, err := demoReport(ctx, made.Path, o.format)
	if err != nil {
		return err
	}
	t, err := demoTree(ctx, made.Path, o.format)
	if err != nil {
		return err
	}
	unpack := "unzip -q"
	if o.format != "zip" {
		unpack = "tar -xf"
	}
	file, stem := quote(made.Path), quote(strings.TrimSuffix(made.Filename, "."+o.format))
	_, err = fmt.Printf("\n%s\n%s\n%s\n\nTry next:\n\n"+
		"  %[4]s %[5]s && (cd %[6]s && sha256sum --quiet -c SHA256SUMS)\n"+
		"  %[7]s list %[5]s\n"+
		"  %[7]s verify %[5]s\n"+
		"  %[7]s init\n", t, made.table(), whole, unpack, file, stem, self())
	return err
}

// demoReport checks the archive and says that it is whole.
func demoReport(ctx context.Context, path, format string) (string, error) {
	in, err := openInput(path, format)
	if err != nil {
		return "", err
	}
	defer in.close()
	report, err := in.verify(ctx, printFinding)
	if err == nil && !report.Whole() {
		err = fmt.Errorf("the archive %s is not whole", path)
	}
	return verdict(path, report), err
}

// demoTree shows the files of the archive.
func demoTree(ctx context.Context, path, format string) (string, error) {
	var t tree
	in, err := openInput(path, format)
	if err != nil {
		return "", err
	}
	defer in.close()
	err = in.each(ctx, func(h archive.Header, _ io.Reader) error {
		t.add(strings.Split(h.Name, "/"))
		return nil
	})
	return t.String(), err
}

// self is how to run this program again.
func self() string {
	// go run builds programs where nobody wants to type the path of.
	const source = "./httpapi/exportd"
	if strings.Contains(filepath.ToSlash(os.Args[0]), "/go-build") {
		if _, err := os.Stat(filepath.Join(source, "main.go")); err == nil {
			return "go run " + source
		}
	}
	return quote(os.Args[0])
}

// quote makes a word for a shell.
func quote(word string) string {
	if strings.ContainsFunc(word, func(r rune) bool {
		return !strings.ContainsRune("+-./:=@_~", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return word
}
