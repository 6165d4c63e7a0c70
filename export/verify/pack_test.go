package verify_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/archive/archivetest"
)

func itoa(n int) string { return strconv.Itoa(n) }

// unpack reads an archive with the standard library.
func unpack(t testing.TB, f archive.Format, b []byte) map[string]string {
	t.Helper()
	return archivetest.Unpack(t, f.Name(), b)
}

// pack packs files with the standard library.
func pack(t testing.TB, f archive.Format, files map[string]string, order func([]string)) []byte {
	t.Helper()
	names := slices.Sorted(maps.Keys(files))
	order(names)
	var out bytes.Buffer
	if f.Name() == "zip" {
		z := zip.NewWriter(&out)
		for _, name := range names {
			w, err := z.Create(name)
			if err == nil {
				_, err = io.WriteString(w, files[name])
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	var headers []tar.Header
	for _, name := range names {
		headers = append(headers, tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(files[name]))})
	}
	return gzipped(t, tarOf(t, headers, func(h tar.Header) string { return files[h.Name] }))
}

func tarOf(t testing.TB, headers []tar.Header, content func(tar.Header) string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, h := range headers {
		err := w.WriteHeader(&h)
		if err == nil && h.Typeflag == tar.TypeReg {
			_, err = io.WriteString(w, content(h))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(b)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// list adds a file to SHA256SUMS.
func list(files map[string]string, name string) {
	files[top+"/SHA256SUMS"] += fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(files[top+"/"+name])), name)
}

// unlist takes a file off SHA256SUMS.
func unlist(files map[string]string, name string) {
	line := regexp.MustCompile(`(?m)^[0-9a-f]{64}  ` + regexp.QuoteMeta(name) + `\n`)
	files[top+"/SHA256SUMS"] = line.ReplaceAllString(files[top+"/SHA256SUMS"], "")
}

// replaceListed replaces a file and its sum.
func replaceListed(files map[string]string, name, content string) {
	files[top+"/"+name] = content
	unlist(files, name)
	list(files, name)
}
