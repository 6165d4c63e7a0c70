package sections_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/record"
	"github.com/orgexport/orgexport/sections"
	"github.com/orgexport/orgexport/sections/sectiontest"
)

// troubledFS has files that fail.
type troubledFS struct{ fstest.MapFS }

func (f troubledFS) Stat(name string) (fs.FileInfo, error) { return f.MapFS.Stat(name) }

func (f troubledFS) Open(name string) (fs.File, error) {
	if strings.HasPrefix(name, "locked") {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	if strings.HasPrefix(name, "pipe") {
		panic("a named pipe was opened")
	}
	file, err := f.MapFS.Open(name)
	if strings.HasPrefix(name, "torn") {
		file = tornFile{file}
	}
	return file, err
}

type tornFile struct{ fs.File }

func (f tornFile) Read(p []byte) (int, error) {
	if n, err := f.File.Read(p[:min(len(p), 2)]); err == nil {
		return n, nil
	}
	return 0, errors.New("disk: bad sector 17")
}

// onlyOpen hides what else a file system can do.
type onlyOpen struct{ fs.FS }

var troubled = troubledFS{fstest.MapFS{
	"a.txt":    {Data: []byte("a")},
	"locked":   {Data: []byte("l")},
	"torn.txt": {Data: []byte("torn")},
	"dir/b":    {Data: []byte("b")},
	"pipe":     {Mode: fs.ModeNamedPipe},
	"device":   {Mode: fs.ModeDevice},
	"zero":     {},
}}

func list(files ...sections.File) func(context.Context, export.Scope) iter.Seq2[sections.File, error] {
	return func(context.Context, export.Scope) iter.Seq2[sections.File, error] {
		return func(yield func(sections.File, error) bool) {
			for _, f := range files {
				if !yield(f, nil) {
					return
				}
			}
		}
	}
}

func TestFromFilesSkips(t *testing.T) {
	for name, fsys := range map[string]fs.FS{"with Stat": troubled, "without Stat": onlyOpen{troubled}} {
		t.Run(name, func(t *testing.T) {
			counted, open := fsys, func() int { return 0 }
			if name == "without Stat" { // CountFS has a Stat of its own
				counted, open = sectiontest.CountFS(fsys)
			}
			files := []sections.File{
				{"a.txt", "a.txt"}, {"none", "none"}, {"locked", "locked"}, {"torn.txt", "torn.txt"}, {"dir", "dir"}, {"device", "device"},
				{"/a.txt", "absolute"}, {"dir/../a.txt", "out"}, {"", "nothing"}, {"/", "root"}, {"a.txt", "../a.txt"}, {"a.txt", "A.TXT"}, {"zero", "torn.txt"}, {"dir/b", "b"},
			}
			if name == "with Stat" {
				files = append(files, sections.File{Source: "pipe", Name: "pipe"})
			}
			r, err := recorded(t, sections.FromFiles("files", counted, list(files...)), acme)
			if err != nil {
				t.Fatal(err)
			}
			want := []string{
				"none: The file was not found.",
				"locked: The file may not be read.",
				"torn.txt: The file could not be read.",
				"dir: The file is a folder.",
				"device: The file could not be read.",
				"dir/../a.txt: The path of the file has .. in it, which is not allowed.",
				": The path of the file is empty.",
				"/: The file is a folder.",
				`a.txt: The name "../a.txt" is not a plain relative path.`,
				`a.txt: The name "A.TXT" is used twice in its section (upper and lower case do not differ).`,
			}
			if name == "with Stat" {
				want = append(want, "pipe: The file could not be read.")
			}
			if got := skips(r); !slices.Equal(got, want) {
				t.Errorf("skipped\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			for file, want := range map[string]string{"a.txt": "a", "absolute": "a", "torn.txt": "", "b": "b"} {
				if c, ok := r.Find(file); !ok || string(c.Content) != want {
					t.Errorf("%s is %q, %v", file, c.Content, ok)
				}
			}
			if open() != 0 {
				t.Errorf("%d files were left open", open())
			}
		})
	}
}

func TestFromFilesInAFolder(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "a"), []byte("a"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(os.DevNull, filepath.Join(folder, "out")); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	r, err := recorded(t, sections.FromFiles("files", root.FS(), list(sections.File{"out", "out"}, sections.File{"a", "a"})), acme)
	if err != nil {
		t.Fatal(err)
	}
	if got := skips(r); !slices.Equal(got, []string{"out: The file could not be read."}) {
		t.Errorf("skipped %q", got)
	}
	if c, ok := r.Find("a"); !ok || string(c.Content) != "a" {
		t.Errorf("a is %v, %v", c, ok)
	}
}

func TestFromFilesKeepsTheContract(t *testing.T) {
	fsys, open := sectiontest.CountFS(troubled)
	sectiontest.Run(t, sectiontest.Suite{
		New: func(*testing.T) export.Section {
			return sections.FromFiles("files", fsys, func(_ context.Context, scope export.Scope) iter.Seq2[sections.File, error] {
				file := map[string]string{acme.Organization.ID: "a.txt", bolt.Organization.ID: "dir/b"}[scope.Organization.ID]
				return list(sections.File{file, file}, sections.File{"torn.txt", "torn"}, sections.File{file, "last"})(nil, scope)
			})
		},
		Scope:      acme,
		OtherScope: bolt,
		Open:       open,
	})
}

func TestFromFilesEndsWithItsList(t *testing.T) {
	r, err := recorded(t, sections.FromFiles("files", troubled, func(context.Context, export.Scope) iter.Seq2[sections.File, error] {
		return func(yield func(sections.File, error) bool) {
			if yield(sections.File{Source: "a.txt", Name: "a"}, nil) && yield(sections.File{}, io.ErrUnexpectedEOF) {
				t.Error("list was asked for more after its error")
			}
		}
	}), acme)
	if !errors.Is(err, io.ErrUnexpectedEOF) || len(r.Calls()) != 1 {
		t.Errorf("%d calls, %v", len(r.Calls()), err)
	}
}

func TestFromSeqKeepsTheContract(t *testing.T) {
	type member struct {
		ID string `json:"id"`
	}
	sectiontest.Run(t, sectiontest.Suite{
		New: func(*testing.T) export.Section {
			return sections.FromSeq("members", "members.ndjson", func(_ context.Context, scope export.Scope) iter.Seq2[member, error] {
				return func(yield func(member, error) bool) {
					for _, id := range []string{"1", "2", "3"} {
						if !yield(member{scope.Organization.ID + id}, nil) {
							return
						}
					}
				}
			})
		},
		Scope:      acme,
		OtherScope: bolt,
		Block: func(*testing.T) (export.Section, <-chan struct{}) {
			asked := make(chan struct{})
			return sections.FromSeq("members", "members.ndjson", func(ctx context.Context, _ export.Scope) iter.Seq2[member, error] {
				return func(yield func(member, error) bool) {
					close(asked)
					<-ctx.Done()
					yield(member{}, ctx.Err())
				}
			}), asked
		},
	})
}

func TestFromSeqEndsWithItsError(t *testing.T) {
	r, err := recorded(t, sections.FromSeq("n", "n.csv", func(context.Context, export.Scope) iter.Seq2[map[string]int, error] {
		return func(yield func(map[string]int, error) bool) {
			if yield(map[string]int{"n": 1}, nil) && yield(nil, io.ErrUnexpectedEOF) {
				t.Error("seq was asked for more after its error")
			}
		}
	}), acme)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error is %v", err)
	}
	if got := rows(t, r, "n.csv"); got != `{"n":1}`+"\n" {
		t.Errorf("records are %s", got)
	}
}

func TestFromSeqStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	s := sections.FromSeq("n", "n.csv", func(context.Context, export.Scope) iter.Seq2[record.Row, error] {
		return func(yield func(record.Row, error) bool) {
			for yield(record.Row{Columns: []string{"n"}, Values: []any{1}}, nil) {
				cancel(io.ErrUnexpectedEOF)
			}
		}
	})
	// This sink knows no context.
	if err := s.Export(ctx, acme, &sectiontest.Recorder{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error is %v, want the cause of the context's end", err)
	}
}

func TestFromFilesStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	s := sections.FromFiles("files", troubled, func(context.Context, export.Scope) iter.Seq2[sections.File, error] {
		return func(yield func(sections.File, error) bool) {
			for yield(sections.File{Source: "none", Name: "none"}, nil) { // only Skip is called, which returns nothing
				cancel(io.ErrUnexpectedEOF)
			}
		}
	})
	if err := s.Export(ctx, acme, sectiontest.NewRecorder(ctx)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error is %v, want the cause of the context's end", err)
	}
}
