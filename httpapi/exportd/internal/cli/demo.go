package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/demo"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/wire"
)

const demoHelp = `Demo shows what an export is, without any configuration and without a network.
It makes a small catalogue of a made-up organization, Acme Foods, in a temporary
folder: a SQLite database of products, offers and members, and a folder of
images. It serves that as exportd serve does, with the configuration that exportd
init writes, on a free port of this machine; requests an export, watches it and
downloads it by its link, as a client does; checks the archive in the way of
exportd verify, and shows what is in it. All is removed but the archive.

Exit status:
  0    the archive was made, and is whole
  1    the demo failed
  2    wrong usage
  130  ended by SIGINT (128 and the number of the signal; 143 by SIGTERM)`

// demoOptions are the flags of demo.
type demoOptions struct{ format, out string }

func demoCommand() *cobra.Command {
	var o demoOptions
	c := newCommand("demo [flags]", "Export a made-up organization, to see how it works", demoHelp, o.demo)
	f := c.Flags()
	f.SortFlags = false
	addFormatFlag(c, &o.format, "zip", "`FORMAT` of the archive", archive.DefaultFormats())
	f.StringVar(&o.out, "out", ".", "`DIR` for the archive")
	if err := c.MarkFlagDirname("out"); err != nil {
		panic(err) // there is no such flag
	}
	return c
}

// demo makes the catalogue, exports it and shows the archive.
func (o *demoOptions) demo(ctx context.Context) (err error) {
	if _, err := formatOf(o.format, archive.DefaultFormats()); err != nil {
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
	made, err := o.export(ctx, dir)
	if err != nil {
		return &failure{err}
	}
	return failed(o.show(ctx, made))
}

// export serves the catalogue from dir, and is the client of that.
func (o *demoOptions) export(ctx context.Context, dir string) (made inventory, err error) {
	c, err := loadDemo(ctx, dir)
	if err != nil {
		return made, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return made, err
	}
	defer listener.Close() //nolint:errcheck // the server has closed it by then
	stderr := newScreen(os.Stderr, c)
	stderr.log = true
	defer stderr.close()
	url := c.PublicURL(listener.Addr())
	server, err := wire.OpenServer(ctx, c, wire.ServerOptions{
		PublicURL: url,
		Logger:    (&logging{level: levelFlag{byDefault: slog.LevelWarn}}).logger(stderr, c.Log),
		Stopping:  ctx.Done(),
		Files:     maxFiles(),
	})
	if err != nil {
		return made, err
	}
	defer func() {
		if cerr := server.Close(); err == nil {
			err = cerr
		}
	}()
	key, err := demoKey(ctx, c.API, server)
	if err != nil {
		return made, err
	}
	c.Server.Drain = 0 // no load balancer asks it
	run, ctx := errgroup.WithContext(ctx)
	served, stop := context.WithCancel(ctx)
	run.Go(func() error { return serveOn(served, listener, server, c) })
	run.Go(func() (err error) {
		defer stop()
		made, err = o.request(ctx, demoClient{c.API.ExportsURL(url, demo.OrganizationID()), key}, stderr.observe)
		return err
	})
	err = run.Wait()
	return made, err
}

// request is what a client does.
func (o *demoOptions) request(ctx context.Context, client demoClient, observe func(export.Event)) (made inventory, err error) {
	status, err := client.export(ctx, o.format, observe)
	if err != nil {
		return made, err
	}
	digest, size := sha256.New(), int64(0)
	path := inFolder(o.out, status.Filename)
	err = writeFile(path, func(w io.Writer) (err error) {
		counted := &countWriter{w: io.MultiWriter(w, digest)}
		err = client.download(ctx, status, counted)
		size = counted.n
		return err
	})
	return inventory{
		Filename: status.Filename,
		Path:     path,
		Size:     size,
		SHA256:   hex.EncodeToString(digest.Sum(nil)),
		Sections: status.Sections,
	}, err
}

// countWriter counts what is written.
type countWriter struct {
	w io.Writer
	n int64
}

func (c *countWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// show checks the archive and prints what is in it and what to do with it.
func (o *demoOptions) show(ctx context.Context, made inventory) error {
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
	if builtByGoRun(os.Args[0]) {
		if _, err := os.Stat(filepath.Join(source, "main.go")); err == nil {
			return "go run " + source
		}
	}
	return quote(os.Args[0])
}

// goRun matches where go run puts programs: into a folder of its own for temporary files or,
// to be used again, into its cache, whatever name that has.
var goRun = regexp.MustCompile(`/go-build[^/]*/|/[0-9a-f]{2}/[0-9a-f]{64}-d/`)

func builtByGoRun(program string) bool { return goRun.MatchString(filepath.ToSlash(program)) }

// quote makes a word for a shell.
func quote(word string) string {
	if strings.ContainsFunc(word, func(r rune) bool {
		return !strings.ContainsRune("+-./:=@_~", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return word
}
