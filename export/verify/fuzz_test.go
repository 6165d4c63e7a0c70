package verify_test

import (
	"archive/tar"
	"bytes"
	"maps"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/archive/xz"
	"github.com/orgexport/orgexport/archive/zstd"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/verify"
)

// limits keep what is fuzzed small.
var limits = archive.ReadOptions{MaxBytes: 16 << 20, MaxFiles: 10_000}

// fuzzArchive verifies and iterates whatever is given. Both must end, without
// a panic or an error of anything but the archive, and agree on what is whole.
func fuzzArchive(t *testing.T, f archive.Format, b []byte) {
	r := checkWith(t, f, bytes.NewReader(b), limits)
	piped := checkWith(t, f, struct{ *bytes.Buffer }{bytes.NewBuffer(b)}, limits)
	if r.Whole() != piped.Whole() || r.Total != piped.Total {
		t.Errorf("%d findings, from a pipe %d", r.Total, piped.Total)
	}
	for file, err := range verify.Files(t.Context(), f, bytes.NewReader(b), verify.Options{Read: limits}) {
		if err != nil {
			if r.Whole() {
				t.Errorf("a whole archive cannot be read: %v", err)
			}
			return
		}
		for _, err := range verify.Records(file) {
			if err != nil {
				break
			}
		}
	}
}

func FuzzZipReader(f *testing.F) {
	b := small(f, archive.Zip())
	f.Add(b)
	f.Add(pack(f, archive.Zip(), unpack(f, archive.Zip(), b), func([]string) {})) // with data descriptors
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Fuzz(func(t *testing.T, b []byte) { fuzzArchive(t, archive.Zip(), b) })
}

func FuzzTarGzReader(f *testing.F) {
	b := small(f, archive.TarGz())
	f.Add(b, true)
	for _, format := range []tar.Format{tar.FormatUSTAR, tar.FormatPAX, tar.FormatGNU} {
		f.Add(tarOf(f, []tar.Header{
			{Typeflag: tar.TypeDir, Name: "top/", Format: format},
			{Typeflag: tar.TypeReg, Name: "top/" + strings.Repeat("long/", 18) + "name", Size: 1, Format: format},
			{Typeflag: tar.TypeReg, Name: "top/SHA256SUMS", Size: 1, Format: format},
		}, func(tar.Header) string { return "x" }), false)
	}
	f.Fuzz(func(t *testing.T, b []byte, packed bool) {
		if !packed { // a tar stream, which would hardly come out of a damaged packing
			b = gzipped(t, b)
		}
		fuzzArchive(t, archive.TarGz(), b)
	})
}

func FuzzTarXzReader(f *testing.F) {
	f.Add(small(f, xz.TarXz()))
	f.Fuzz(func(t *testing.T, b []byte) { fuzzArchive(t, xz.TarXz(), b) })
}

func FuzzTarZstReader(f *testing.F) {
	f.Add(small(f, zstd.TarZst()))
	f.Fuzz(func(t *testing.T, b []byte) { fuzzArchive(t, zstd.TarZst(), b) })
}

func FuzzSums(f *testing.F) {
	files := unpack(f, archive.TarGz(), small(f, archive.TarGz()))
	f.Add(files[top+"/SHA256SUMS"])
	f.Add(strings.ReplaceAll(files[top+"/SHA256SUMS"], "  ", " *"))
	f.Add(strings.ReplaceAll(files[top+"/SHA256SUMS"], "\n", "\r\n"))
	f.Add("\n")
	f.Fuzz(func(t *testing.T, sums string) {
		now := maps.Clone(files)
		now[top+"/SHA256SUMS"] = sums
		r := check(t, archive.TarGz(), pack(t, archive.TarGz(), now, func([]string) {}))
		if !r.Whole() {
			return
		}
		for name := range now { // all but the list itself must be in it
			if short := strings.TrimPrefix(name, top+"/"); short != "SHA256SUMS" && !strings.Contains(sums, short) {
				t.Errorf("whole, but %s is not listed", name)
			}
		}
	})
}

func FuzzManifest(f *testing.F) {
	files := unpack(f, archive.TarGz(), small(f, archive.TarGz()))
	f.Add(files[top+"/manifest.yaml"])
	f.Add("a: &a [1, 2.50, yes, null]\nb: *a\n")
	f.Add("{a: [x, {y: z}], ? b : 'c'}\n---\n")
	f.Add("!!binary aGk=")
	f.Fuzz(func(t *testing.T, manifest string) {
		if m, err := export.ParseManifest([]byte(manifest)); err == nil && m.Sections == nil && m.Job != "" && !strings.Contains(manifest, "job") {
			t.Errorf("%+v of %q", m, manifest)
		}
		now := maps.Clone(files)
		replaceListed(now, "manifest.yaml", manifest)
		check(t, archive.TarGz(), pack(t, archive.TarGz(), now, func([]string) {}))
	})
}
