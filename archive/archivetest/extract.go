package archivetest

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/orgexport/orgexport/archive"
)

// ExtractZip reads a zip archive with the standard library. It is a
// [Config.Extract].
func ExtractZip(a *io.SectionReader) ([]File, error) {
	z, err := zip.NewReader(a, a.Size())
	if err != nil {
		return nil, err
	}
	var list []File
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		file, err := read(f.Name, f.Modified, r)
		if err != nil {
			return nil, err
		}
		if err := r.Close(); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		list = append(list, file)
	}
	return list, nil
}

// ExtractTar returns a [Config.Extract] that reads a packed tar stream with the
// standard library. unpack returns the tar stream; its reader must check the
// check sums of the packing, and that nothing follows it.
func ExtractTar(unpack func(io.Reader) (io.Reader, error)) func(*io.SectionReader) ([]File, error) {
	return func(a *io.SectionReader) ([]File, error) {
		r, err := unpack(a)
		if err != nil {
			return nil, err
		}
		var list []File
		for stream := tar.NewReader(r); ; {
			h, err := stream.Next()
			if errors.Is(err, io.EOF) {
				return list, onlyZeros(r)
			}
			if err != nil {
				return nil, err
			}
			if h.Typeflag != tar.TypeReg || h.Mode != 0o644 || h.Uid != 0 || h.Uname != "" {
				return nil, fmt.Errorf("header of %s: %+v", h.Name, h)
			}
			file, err := read(h.Name, h.ModTime, stream)
			if err != nil {
				return nil, err
			}
			list = append(list, file)
		}
	}
}

// readOwn reads an archive with the format's own Reader.
func (k *kit) readOwn(a io.Reader) (list []File, err error) {
	r, err := k.Format.NewReader(a, archive.ReadOptions{MaxRatio: -1, Scratch: k.scratch})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		file, err := read(h.Name, h.ModTime, r)
		if err != nil {
			return nil, err
		}
		if h.Folder || h.Size != file.Size {
			return nil, fmt.Errorf("%d bytes read of %+v", file.Size, h)
		}
		list = append(list, file)
	}
}

func read(name string, modTime time.Time, r io.Reader) (File, error) {
	digest := sha256.New()
	n, err := io.Copy(digest, r)
	if err != nil {
		return File{}, fmt.Errorf("%s: %w", name, err)
	}
	f := File{Name: name, Size: n, ModTime: modTime}
	digest.Sum(f.SHA256[:0])
	return f, nil
}

// onlyZeros reads to the end, where the check sums are checked. It fails if
// anything but zeros comes.
func onlyZeros(r io.Reader) error {
	rest, err := io.ReadAll(r)
	if err == nil && len(bytes.Trim(rest, "\x00")) > 0 {
		err = errors.New("something behind the end of the tar stream")
	}
	return err
}
