package archivetest

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"testing"
)

// Unpack reads an archive with the standard library alone. The format is "zip" or
// "tar.gz". It returns the contents of the files by their names. It fails the
// test if the archive is not whole or has a name twice.
func Unpack(t testing.TB, format string, b []byte) map[string]string {
	t.Helper()
	if format == "zip" {
		return unpackZip(t, b)
	}
	gz, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return UnpackTar(t, gz)
}

func unpackZip(t testing.TB, b []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]string)
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		unpackFile(t, files, f.Name, r)
	}
	return files
}

// UnpackTar is [Unpack] for a tar stream that is not packed.
func UnpackTar(t testing.TB, r io.Reader) map[string]string {
	t.Helper()
	files := make(map[string]string)
	for stream := tar.NewReader(r); ; {
		h, err := stream.Next()
		if errors.Is(err, io.EOF) {
			if err := onlyZeros(r); err != nil {
				t.Fatal(err)
			}
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		unpackFile(t, files, h.Name, stream)
	}
}

func unpackFile(t testing.TB, files map[string]string, name string, r io.Reader) {
	t.Helper()
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if _, twice := files[name]; twice {
		t.Errorf("%s is in the archive twice", name)
	}
	files[name] = string(content)
}
