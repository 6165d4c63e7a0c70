package sections_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/sections"
	"github.com/orgexport/orgexport/sections/sectiontest"
)

// meddled has files that somebody meddles with while they are read: after the first piece.
type meddled struct {
	fs.FS
	meddle func(try int)
	opened int
}

func (m *meddled) Open(name string) (fs.File, error) {
	f, err := m.FS.Open(name)
	m.opened++
	return &meddledFile{File: f, fs: m}, err
}

func (m *meddled) Stat(name string) (fs.FileInfo, error) { return fs.Stat(m.FS, name) }

type meddledFile struct {
	fs.File
	fs   *meddled
	read bool
}

func (f *meddledFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p[:min(len(p), 1000)])
	if !f.read {
		f.read = true
		f.fs.meddle(f.fs.opened)
	}
	return n, err
}

// hand meddles with a real file. It gives what it writes a time of its own, because two times
// may be the same by the clock of a file system.
type hand struct {
	t    *testing.T
	path string
	now  time.Time
}

func (h *hand) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *hand) touch() {
	h.now = h.now.Add(time.Minute)
	h.must(os.Chtimes(h.path, h.now, h.now))
}

func (h *hand) write(content string) { h.must(os.WriteFile(h.path, []byte(content), 0o600)); h.touch() }

// replace is what editors and deployments do.
func (h *hand) replace(content string) {
	h.must(os.WriteFile(h.path+".new", []byte(content), 0o600))
	h.must(os.Chtimes(h.path+".new", h.now, h.now)) // not even the time tells
	h.must(os.Rename(h.path+".new", h.path))
}

func (h *hand) grow(more string) {
	f, err := os.OpenFile(h.path, os.O_WRONLY|os.O_APPEND, 0)
	h.must(err)
	_, err = f.WriteString(more)
	h.must(err)
	h.must(f.Close())
	h.touch()
}

func (h *hand) cut(size int64) { h.must(os.Truncate(h.path, size)); h.touch() }

// A file that changes while it is copied is in the archive as it was at one moment, or it is
// not there and that is said.
func TestFileChanges(t *testing.T) {
	first, second, third := strings.Repeat("1", 5000), strings.Repeat("2", 5000), strings.Repeat("3", 5000)
	never := func(*hand) {}
	const changed = "file: The file changed while it was read."
	for name, c := range map[string]struct {
		meddle [2]func(h *hand) // during the first and the second try
		want   string           // contents, none if it is skipped
		tries  int
		told   string
	}{
		"stays":            {meddle: [2]func(*hand){never}, want: first, tries: 1},
		"is shortened":     {meddle: [2]func(*hand){func(h *hand) { h.cut(2000) }, never}, want: first[:2000], tries: 2},
		"is emptied":       {meddle: [2]func(*hand){func(h *hand) { h.cut(0) }, never}, want: "", tries: 2},
		"is written":       {meddle: [2]func(*hand){func(h *hand) { h.write(second) }, never}, want: second, tries: 2},
		"is replaced":      {meddle: [2]func(*hand){func(h *hand) { h.replace(second) }, never}, want: second, tries: 2},
		"is removed":       {meddle: [2]func(*hand){func(h *hand) { h.must(os.Remove(h.path)) }}, want: first, tries: 1},
		"grows":            {meddle: [2]func(*hand){func(h *hand) { h.grow(second) }, never}, want: first + second, tries: 2},
		"is shortened on":  {meddle: [2]func(*hand){func(h *hand) { h.cut(4000) }, func(h *hand) { h.cut(3000) }}, tries: 2, told: changed},
		"is written on":    {meddle: [2]func(*hand){func(h *hand) { h.write(second) }, func(h *hand) { h.write(third) }}, tries: 2, told: changed},
		"is replaced on":   {meddle: [2]func(*hand){func(h *hand) { h.replace(second) }, func(h *hand) { h.replace(third) }}, tries: 2, told: changed},
		"grows on":         {meddle: [2]func(*hand){func(h *hand) { h.grow(second) }, func(h *hand) { h.grow(third) }}, want: first + second, tries: 2, told: "note file: The file grew while it was copied. It has the 10000 bytes that it had when it was opened."},
		"grows, is other":  {meddle: [2]func(*hand){func(h *hand) { h.grow(second) }, func(h *hand) { h.write(second + second + third) }}, tries: 2, told: changed},
		"is another, then": {meddle: [2]func(*hand){func(h *hand) { h.write(second + second) }, func(h *hand) { h.grow(third) }}, tries: 2, told: changed},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			h := &hand{t: t, path: filepath.Join(folder, "file"), now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
			h.write(first)
			root, err := os.OpenRoot(folder)
			h.must(err)
			defer func() { _ = root.Close() }()
			fsys := &meddled{FS: sections.RootFS(root), meddle: func(try int) { c.meddle[try-1](h) }}
			r, err := recorded(t, sections.FromFiles("files", fsys, list(sections.File{"file", "file"})), acme)
			h.must(err)
			call, ok := r.Find("file")
			if skipped := c.told == changed; ok == skipped || string(call.Content) != c.want || fsys.opened != c.tries {
				t.Errorf("opened %d times, copied %v: %d bytes, %.10q …; want %d bytes", fsys.opened, ok, len(call.Content), call.Content, len(c.want))
			}
			told := strings.Join(append(skips(r), notes(r)...), "\n")
			if told != c.told {
				t.Errorf("told %q, want %q", told, c.told)
			}
		})
	}
}

func notes(r *sectiontest.Recorder) (list []string) {
	for _, c := range r.Calls() {
		if c.Op == sectiontest.Note {
			list = append(list, "note "+c.Name+": "+c.Text)
		}
	}
	return list
}

// plainFS has one file, without a Stat and with the size and time that it says.
type plainFS struct{ file func() plainFile }

func (p plainFS) Open(string) (fs.File, error) { f := p.file(); return &f, nil }

type plainFile struct {
	bytes.Reader
	size func() int64
}

func (f *plainFile) Stat() (fs.FileInfo, error) { return f, nil }
func (f *plainFile) Close() error               { return nil }
func (f *plainFile) Name() string               { return "file" }
func (f *plainFile) Size() int64                { return f.size() }
func (f *plainFile) Mode() fs.FileMode          { return 0o400 }
func (f *plainFile) ModTime() time.Time         { return time.Time{} }
func (f *plainFile) IsDir() bool                { return false }
func (f *plainFile) Sys() any                   { return nil }

// A source without times is judged by sizes, and one that does not tell sizes is read to its
// end.
func TestFileWithoutTime(t *testing.T) {
	const content = "0123456789"
	for name, c := range map[string]struct {
		sizes []int64 // as it is asked, the last one from then on
		want  string
		told  []string
	}{
		"stays":        {[]int64{10}, content, nil},
		"has no size":  {[]int64{0}, content, nil},
		"says less":    {[]int64{4}, content, nil},
		"says more":    {[]int64{11}, "", []string{"file: The file is shorter than its size says."}},
		"became less":  {[]int64{12, 10, 10, 10}, content, nil},
		"becomes less": {[]int64{12, 11, 11, 12, 11}, "", []string{"file: The file changed while it was read."}},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			fsys := plainFS{func() plainFile {
				f := plainFile{size: func() int64 { asked++; return c.sizes[min(asked, len(c.sizes))-1] }}
				f.Reset([]byte(content))
				return f
			}}
			r, err := recorded(t, sections.FromFiles("files", fsys, list(sections.File{"file", "file"})), acme)
			if err != nil {
				t.Fatal(err)
			}
			call, _ := r.Find("file")
			if got := skips(r); string(call.Content) != c.want || !slices.Equal(got, c.told) {
				t.Errorf("copied %q, skipped %q; want %q, %q", call.Content, got, c.want, c.told)
			}
		})
	}
}
