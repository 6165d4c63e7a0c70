//go:build unix

package sections_test

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/orgexport/orgexport/sections"
)

// swapped has files that somebody replaces after a look at them and before they are opened.
type swapped struct {
	fs.FS
	swap func(name string)
}

func (s swapped) Stat(name string) (fs.FileInfo, error) {
	info, err := fs.Stat(s.FS, name)
	s.swap(name)
	return info, err
}

// What takes the place of a file between the look at it and its opening is not waited for: it
// is looked at again when it is open.
func TestNothingIsWaitedFor(t *testing.T) {
	folder := t.TempDir()
	path := func(name string) string { return filepath.Join(folder, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	swaps := map[string]func(path string){
		"pipe":   func(path string) { must(syscall.Mkfifo(path, 0o600)) },
		"folder": func(path string) { must(os.Mkdir(path, 0o700)) },
		"link":   func(path string) { must(os.Symlink("/dev/tty", path)) },
		"socket": func(path string) {
			t.Chdir(folder) // the path of a socket is short
			l, err := new(net.ListenConfig).Listen(t.Context(), "unix", filepath.Base(path))
			must(err)
			t.Cleanup(func() { _ = l.Close() })
		},
	}
	names := []string{"folder", "link", "pipe", "socket"}
	var files []sections.File
	for _, name := range names {
		must(os.WriteFile(path(name), []byte("regular"), 0o600))
		files = append(files, sections.File{Source: name, Name: name})
	}
	root, err := os.OpenRoot(folder)
	must(err)
	defer func() { _ = root.Close() }()
	fsys := swapped{sections.RootFS(root), func(name string) { must(os.Remove(path(name))); swaps[name](path(name)) }}

	hangs := time.AfterFunc(20*time.Second, func() {
		t.Error("a named pipe is waited for")
		_, _ = os.OpenFile(path("pipe"), os.O_RDWR, 0) // which ends that
	})
	r, err := recorded(t, sections.FromFiles("files", fsys, list(files...)), acme)
	hangs.Stop()
	must(err)
	want := []string{"folder: The file is a folder.", "link: The file could not be read.", "pipe: The file could not be read.", "socket: The file could not be read."}
	if got := skips(r); !slices.Equal(got, want) {
		t.Errorf("skipped\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A RootFS is not asked before it opens, and what it opens is looked at.
func TestRootFSOpensAtOnce(t *testing.T) {
	folder := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(folder, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	hangs := time.AfterFunc(20*time.Second, func() {
		t.Error("a named pipe is waited for")
		_, _ = os.OpenFile(filepath.Join(folder, "pipe"), os.O_RDWR, 0) // which ends that
	})
	defer hangs.Stop()
	f, err := sections.RootFS(root).Open("pipe")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err != nil || info.Mode().Type() != fs.ModeNamedPipe {
		t.Errorf("it is %v, %v", info, err)
	}
	for _, name := range []string{"../pipe", "/pipe", "", "a//b"} {
		if _, err := sections.RootFS(root).Open(name); err == nil {
			t.Errorf("%q is opened", name)
		}
	}
}
