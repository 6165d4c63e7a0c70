package cli

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"github.com/orgexport/orgexport/archive"
)

const catHelp = `Cat prints one file of an archive. PATH is the file's name as exportd list has
it, or without the folder at the top.

` + inputHelp + `

It is printed while it is read, and checked meanwhile: against the archive's own
check sums and, once all of the archive has been read, against SHA256SUMS. What
was printed is right only if the exit status is 0.

Exit status:
  0    the file was printed, and is what SHA256SUMS says
  1    there is no such file, or it or the archive is damaged or not safe
  2    the archive could not be read, or wrong usage`

func catCommand() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:     "cat FILE PATH [flags]",
		Short:   "Print one file of an archive",
		Long:    catHelp,
		Example: "  exportd cat export-acme-foods-20260626-210000.zip manifest.yaml",
		Args:    exactly("FILE", "PATH"),
		RunE: func(c *cobra.Command, args []string) error {
			return cat(c.Context(), args[0], args[1], format)
		},
		DisableFlagsInUseLine: true,
	}
	inputFormatFlag(c, &format)
	return c
}

func cat(ctx context.Context, name, file, format string) error {
	in, err := openInput(name, format)
	if err != nil {
		return err
	}
	defer in.close()
	p := &printer{path: file, hash: sha256.New(), sums: make(map[string]string)}
	if err := in.each(ctx, p.file); err != nil {
		return whole(err)
	}
	return failed(p.check())
}

// printer prints one file and finds out what its sum must be.
type printer struct {
	path string            // as it was asked for
	name string            // of the file that was printed, once it was
	hash hash.Hash         // of what was printed
	sums map[string]string // of the files that it may be: there are two at most
}

// is tells whether a file of the archive is the one that is asked for.
func (p *printer) is(name string) bool {
	_, below, _ := strings.Cut(name, "/")
	return name == p.path || below == p.path
}

func (p *printer) file(h archive.Header, r io.Reader) error {
	wanted := p.name == "" && p.is(h.Name)
	if wanted {
		p.name = h.Name
		r = io.TeeReader(r, io.MultiWriter(p.hash, standardOutput{}))
	}
	if isSums(h.Name) {
		if err := p.readSums(path.Dir(h.Name), r); err != nil {
			return err
		}
	}
	if !wanted {
		return nil
	}
	_, err := io.Copy(io.Discard, r)
	return err
}

// sumsName is the name of the file that has the sums of all others.
const sumsName = "SHA256SUMS"

// isSums tells whether a file is the one with the sums, below one folder or,
// if somebody has packed only what is in it, none.
func isSums(name string) bool {
	return path.Base(name) == sumsName && strings.Count(name, "/") <= 1
}

// readSums reads the sums of the files below a folder.
func (p *printer) readSums(folder string, r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 128<<10) // a name has 64 KiB at most
	for lines.Scan() {
		sum, name, _ := strings.Cut(lines.Text(), " ")
		// Behind the space stands one for text, or a star.
		if name = path.Join(folder, strings.TrimLeft(name, " *")); p.is(name) {
			p.sums[name] = sum
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return &failure{fmt.Errorf("%s has a line that is too long", sumsName)}
	} else if err != nil {
		return err
	}
	return nil
}

// check checks what was printed.
func (p *printer) check() error {
	sum, ok := p.sums[p.name]
	switch {
	case p.name == "":
		return fmt.Errorf("there is no file %q in the archive", p.path)
	case isSums(p.name), isSums(path.Join(path.Dir(p.name), sumsName)) && strings.HasPrefix(path.Base(p.name), sumsName+"."):
		return nil // it and its signature are in no list
	case !ok:
		return fmt.Errorf("%s is not in %s: it cannot be told whether it is right", p.name, sumsName)
	case sum != hex.EncodeToString(p.hash.Sum(nil)):
		return fmt.Errorf("%s is not what %s says: do not use what was printed", p.name, sumsName)
	}
	return nil
}

// standardOutput tells failures to write from failures to read.
type standardOutput struct{}

func (standardOutput) Write(p []byte) (int, error) {
	n, err := os.Stdout.Write(p)
	if err != nil {
		err = &failure{err}
	}
	return n, err
}
