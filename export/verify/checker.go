package verify

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"path"
	"strings"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/internal/keytable"
)

// Names of the engine's files below the top folder and in a section's.
const (
	manifestFile  = "manifest.yaml"
	sumsFile      = "SHA256SUMS"
	signatureFile = "SHA256SUMS.minisig"
	skippedFile   = "_skipped.ndjson"
	renamedFile   = "_renamed.ndjson"
	notesFile     = "_notes.ndjson"
)

const (
	maxSums     = 2 << 30
	maxSections = 10_000

	// tableMemory is what a table of names may take in memory, in bytes.
	tableMemory = 8 << 20
)

// Marks of a file in [checker.files].
const (
	seen    = 1 // it is in the archive
	matched = 2 // SHA256SUMS lists it
)

// Marks of a name in [checker.folded].
const (
	isFile   = 1
	isFolder = 2
)

// checker reads an archive and keeps what is compared at its end.
type checker struct {
	options Options
	report  Report
	path    string // of the file that is being read

	names    *archive.Scratch // of all files, each after its length
	files    *keytable.Table  // path → SHA-256
	folded   *keytable.Table  // names as export.FoldName has them, of files and folders
	parent   string           // folded folder of the last file, known to be fine
	sections map[string]*tally

	manifest *bytes.Buffer // nil if there is none
	sums     *archive.Scratch
	digest   hash.Hash
	buffer   []byte
}

func newChecker(format archive.Format, o Options) *checker {
	return &checker{
		options:  o,
		report:   Report{Format: format.Name()},
		names:    archive.NewScratch(o.Read.Scratch),
		files:    keytable.New(o.Read.Scratch, sha256.Size, tableMemory),
		folded:   keytable.New(o.Read.Scratch, 0, tableMemory),
		sections: make(map[string]*tally),
		digest:   sha256.New(),
		buffer:   make([]byte, 256<<10),
	}
}

func (c *checker) close() {
	c.names.Close()
	c.sums.Close()
	c.files.Close()
	c.folded.Close()
}

// read reads the whole archive.
func (c *checker) read(format archive.Format, src io.Reader) (err error) {
	r, err := format.NewReader(src, c.options.Read)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for {
		c.path = ""
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		c.path = h.Name
		if err := c.entry(h, r); err != nil {
			return err
		}
	}
}

// entry takes a file or folder.
func (c *checker) entry(h archive.Header, r io.Reader) error {
	if h.Folder && h.Name == "." {
		return nil
	}
	c.place(h)
	twice, err := c.isTwice(h)
	if err != nil || h.Folder {
		return err
	}
	return c.file(h, r, twice)
}

// place checks that the entry is in the top folder, which the first entry in
// any folder tells.
func (c *checker) place(h archive.Header) {
	top, rest, deep := strings.Cut(h.Name, "/")
	if c.report.Folder == "" && (deep || h.Folder) {
		c.report.Folder = top
	}
	if top != c.report.Folder || rest == "" && !h.Folder {
		c.found(Outside, h.Name, "is not in the folder at the top of the archive")
	}
}

// isTwice checks that the name is new, on any system. It returns true if the
// very same name was there before.
func (c *checker) isTwice(h archive.Header) (bool, error) {
	folded := export.FoldName(h.Name)
	dir := path.Dir(folded)
	if dir != c.parent {
		for at, r := range dir {
			if r != '/' {
				continue
			}
			if err := c.folder(h.Name, dir[:at]); err != nil {
				return false, err
			}
		}
		if err := c.folder(h.Name, dir); err != nil {
			return false, err
		}
		c.parent = dir
	}
	if h.Folder {
		c.parent = ""
		return false, c.folder(h.Name, folded)
	}
	e, err := c.folded.Find(folded)
	if err != nil {
		return false, err
	}
	switch e.Mark() {
	case 0:
		c.folded.Put(isFile)
		return false, nil
	case isFolder:
		c.found(Duplicate, h.Name, "is a folder, too")
		return false, nil
	}
	same, err := c.files.Find(h.Name)
	if err != nil {
		return false, err
	}
	if same.Mark() != 0 {
		c.found(Duplicate, h.Name, "is in the archive twice")
		return true, nil
	}
	c.found(Duplicate, h.Name, "has a name that differs from another's in upper and lower case only")
	return false, nil
}

// folder notes a folded folder of the entry name.
func (c *checker) folder(name, folder string) error {
	if folder == "." {
		return nil
	}
	e, err := c.folded.Find(folder)
	switch {
	case err != nil:
		return err
	case e.Mark() == 0:
		c.folded.Put(isFolder)
		return nil
	case e.Mark() == isFile:
		c.found(Duplicate, name, "goes through a name that is a file")
	}
	return nil
}

// file reads a file and notes its sum.
func (c *checker) file(h archive.Header, r io.Reader, twice bool) error {
	c.report.Files++
	c.digest.Reset()
	also, err := c.also(h, twice)
	if err != nil {
		return err
	}
	if err := c.copy(r, also); err != nil || twice {
		return err
	}
	e, err := c.files.Find(h.Name)
	if err != nil {
		return err
	}
	c.digest.Sum(e.Value()[:0])
	c.files.Put(seen)
	_, err = c.names.Write(append(binary.AppendUvarint(nil, uint64(len(h.Name))), h.Name...))
	return err
}

// copy reads a file into the digest and, if it is not nil, into also.
func (c *checker) copy(r io.Reader, also io.Writer) error {
	for {
		n, err := r.Read(c.buffer)
		c.report.Bytes += int64(n)
		c.digest.Write(c.buffer[:n])
		if also != nil {
			if _, err := also.Write(c.buffer[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// also returns what else a file is read into.
func (c *checker) also(h archive.Header, twice bool) (io.Writer, error) {
	rest, below := strings.CutPrefix(h.Name, c.report.Folder+"/")
	if !below || twice {
		return nil, nil
	}
	switch rest {
	case manifestFile:
		if h.Size > export.MaxManifest {
			return nil, fmt.Errorf("%w: the manifest has more than %d bytes", archive.ErrBomb, export.MaxManifest)
		}
		c.manifest = new(bytes.Buffer)
		return c.manifest, nil
	case sumsFile:
		if h.Size > maxSums {
			return nil, fmt.Errorf("%w: %s has more than %d bytes", archive.ErrBomb, sumsFile, int64(maxSums))
		}
		c.sums = archive.NewScratch(c.options.Read.Scratch)
		return c.sums, nil
	case signatureFile:
		c.report.Signed = true
		return nil, nil
	}
	section, name, ok := strings.Cut(rest, "/")
	if bad := export.CheckKey(section); !ok || bad != nil {
		return nil, nil //nolint:nilerr // it is no section's file: SHA256SUMS decides about it
	}
	t := c.sections[section]
	if t == nil {
		if len(c.sections) == maxSections {
			return nil, fmt.Errorf("%w: more than %d sections", archive.ErrBomb, maxSections)
		}
		t = new(tally)
		c.sections[section] = t
	}
	return t.file(name), nil
}
