package sections

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// TestNearby reads files by the folder of the last one: what that leads to is what the root
// leads to, however folders come and go.
func TestNearby(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"top", "a/one", "a/two", "a/b/one", "c/one"} {
		write(name, name)
	}
	for name, target := range map[string]string{"a/other": "../c/one", "a/out": "../../etc/passwd", "link": "a/b", "a/up": "../top"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	files, done := near(RootFS(root))
	defer done()
	check := func(name, want string) {
		t.Helper()
		got, err := fs.ReadFile(files, name)
		if (err != nil) != (want == "") || string(got) != want {
			t.Errorf("%s is %q, %v, want %q", name, got, err, want)
		}
		info, err := fs.Stat(files, name)
		if (err != nil) != (want == "") || err == nil && info.Size() != int64(len(want)) {
			t.Errorf("Stat of %s: %v", name, err)
		}
	}
	for _, c := range [][2]string{
		{"a/one", "a/one"}, {"a/two", "a/two"}, {"top", "top"}, {"a/other", "c/one"}, {"a/up", "top"}, {"a/out", ""}, {"a/b/one", "a/b/one"},
		{"link/one", "a/b/one"}, {"a/none", ""}, {"none/one", ""}, {"none/two", ""}, {"../top", ""}, {"/top", ""}, {"c/one", "c/one"},
	} {
		check(c[0], c[1])
	}
	// A folder is moved away while it is open, and another is in its place.
	check("a/one", "a/one")
	if err := os.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "old")); err != nil {
		t.Fatal(err)
	}
	write("a/three", "new")
	check("a/three", "new")
	check("old/one", "a/one")
}

// TestNearbyKeepsOneFolder opens files of many folders: there is one descriptor at a time.
func TestNearbyKeepsOneFolder(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	files, done := near(RootFS(root))
	n, ok := files.(*nearby)
	if !ok {
		t.Fatalf("%T", files)
	}
	var folders []*os.Root
	for i := range 100 {
		name := filepath.Join(dir, string(rune('a'+i/10)), string(rune('a'+i%10)))
		if err := os.MkdirAll(name, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(name, "file"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := fs.Stat(files, string(rune('a'+i/10))+"/"+string(rune('a'+i%10))+"/file"); err != nil {
			t.Fatal(err)
		}
		folders = append(folders, n.folder)
	}
	done()
	for i, folder := range folders {
		if _, err := folder.Stat("file"); err == nil {
			t.Errorf("folder %d is still open", i)
		}
	}
}

// TestNearbyLooksAgain: a folder that was moved out of the root, and what others write there
// then, is not read.
func TestNearbyLooksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		ours, theirs := filepath.Join(dir, "ours"), filepath.Join(dir, "theirs")
		if err := os.MkdirAll(filepath.Join(ours, "folder"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(ours, "folder", "file"), []byte("ours"), 0o600); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(ours)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = root.Close() }()
		files, done := near(RootFS(root))
		defer done()
		if got, err := fs.ReadFile(files, "folder/file"); err != nil || string(got) != "ours" {
			t.Fatalf("%q, %v", got, err)
		}
		if err := os.Rename(filepath.Join(ours, "folder"), theirs); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(theirs, "file"), []byte("theirs"), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(nearbyFor)
		if got, err := fs.ReadFile(files, "folder/file"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q, %v", got, err)
		}
		if info, err := fs.Stat(files, "folder/file"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v, %v", info, err)
		}
	})
}
