package verify

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/orgexport/orgexport/internal/keytable"
)

// maxLine is the longest line of SHA256SUMS.
const maxLine = 70 << 10

// compare checks SHA256SUMS and the manifest against what was read.
func (c *checker) compare() error {
	if c.sums == nil {
		c.found(Sums, c.below(sumsFile), "is missing, so that no file can be checked")
	} else if err := c.compareSums(); err != nil {
		return err
	}
	c.compareManifest()
	return nil
}

func (c *checker) below(name string) string { return c.report.Folder + "/" + name }

// compareSums finds files that changed, are missing, have another name, or are
// not listed.
func (c *checker) compareSums() error {
	lost := keytable.New(c.options.Read.Scratch, 8, tableMemory) // SHA-256 → line of a missing file
	defer lost.Close()
	known, missing, err := c.matchSums(lost)
	if err != nil {
		return err
	}
	own := int64(1) // files that need no line
	if c.report.Signed {
		own++
	}
	if known+own < c.report.Files {
		if err := c.findUnlisted(lost); err != nil {
			return err
		}
	}
	if missing == 0 {
		return nil
	}
	return c.eachSum(nil, func(line int64, digest []byte, name string) error {
		file, err := c.files.Find(c.below(name))
		if err != nil || file.Mark() != 0 {
			return err
		}
		e, err := lost.Find(string(digest))
		if err != nil {
			return err
		}
		if e.Mark() == matched && binary.LittleEndian.Uint64(e.Value()) == uint64(line) {
			return nil
		}
		c.found(Missing, c.below(name), "is listed in SHA256SUMS but not in the archive")
		return nil
	})
}

// matchSums looks up every line's file. It returns how many files have a line,
// and how many lines have no file; these are noted in lost.
func (c *checker) matchSums(lost *keytable.Table) (known, missing int64, err error) {
	bad := func(line int64, why string) {
		c.found(Sums, c.below(sumsFile), fmt.Sprintf("line %d %s", line, why))
	}
	err = c.eachSum(bad, func(line int64, digest []byte, name string) error {
		e, err := c.files.Find(c.below(name))
		if err != nil {
			return err
		}
		switch e.Mark() {
		case seen:
			known++
			if !bytes.Equal(e.Value(), digest) {
				c.found(Changed, c.below(name), "is not what SHA256SUMS says")
			}
			c.files.Put(matched)
			return nil
		case matched:
			bad(line, "lists a file again")
			return nil
		}
		missing++
		if e, err = lost.Find(string(digest)); err != nil || e.Mark() != 0 {
			return err
		}
		binary.LittleEndian.PutUint64(e.Value(), uint64(line))
		lost.Put(seen)
		return nil
	})
	return known, missing, err
}

// findUnlisted goes over all files once more, for those without a line.
func (c *checker) findUnlisted(lost *keytable.Table) error {
	names := bufio.NewReader(io.NewSectionReader(c.names, 0, c.names.Size()))
	for {
		n, err := binary.ReadUvarint(names)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(names, b); err != nil {
			return err
		}
		name := string(b)
		if name == c.below(sumsFile) || name == c.below(signatureFile) || !strings.HasPrefix(name, c.below("")) {
			continue // what is outside was found before
		}
		e, err := c.files.Find(name)
		if err != nil {
			return err
		}
		if e.Mark() == seen {
			if err := c.unlisted(name, e.Value(), lost); err != nil {
				return err
			}
		}
	}
}

// unlisted tells whether a file without a line is one that is missing under
// another name.
func (c *checker) unlisted(name string, digest []byte, lost *keytable.Table) error {
	e, err := lost.Find(string(digest))
	if err != nil {
		return err
	}
	if e.Mark() != seen {
		c.found(Extra, name, "is not listed in SHA256SUMS")
		return nil
	}
	line := binary.LittleEndian.Uint64(e.Value())
	c.found(Renamed, name, fmt.Sprintf("has the contents of the missing file in line %d of SHA256SUMS", line))
	lost.Put(matched)
	return nil
}

// eachSum calls one for every line of SHA256SUMS, and bad, if it is not nil,
// for every line that cannot be read.
func (c *checker) eachSum(bad func(line int64, why string), one func(line int64, digest []byte, name string) error) error {
	lines := bufio.NewReaderSize(io.NewSectionReader(c.sums, 0, c.sums.Size()), maxLine)
	for line := int64(1); ; line++ {
		b, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(b) == 0 {
			return nil
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			if bad != nil {
				bad(line, "is too long, nothing behind it was read")
			}
			return nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		digest, name, ok := parseSum(b)
		if !ok {
			if bad != nil {
				bad(line, "is no sum of a file")
			}
			continue
		}
		if err := one(line, digest, name); err != nil {
			return err
		}
	}
}

// parseSum reads a line as sha256sum writes it: 64 hexadecimal digits, a
// space, a space or an asterisk, and the name. Names with backslashes or line
// breaks, which are escaped there, are in no archive.
func parseSum(line []byte) (digest []byte, name string, ok bool) {
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	if len(line) <= 66 || line[64] != ' ' || line[65] != ' ' && line[65] != '*' {
		return nil, "", false
	}
	digest = make([]byte, 32)
	if _, err := hex.Decode(digest, line[:64]); err != nil {
		return nil, "", false
	}
	return digest, string(line[66:]), true
}
