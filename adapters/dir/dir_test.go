package dir_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/orgexport/orgexport/adapters/dir"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/exporttest"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
)

var (
	_ jobs.Sizer        = (*dir.Destination)(nil)
	_ export.Checker    = (*dir.Destination)(nil)
	_ export.FreeSpacer = (*dir.Destination)(nil)
	_ export.Sweeper    = (*dir.Destination)(nil)
	_ export.JobLister  = (*dir.Spool)(nil)
	_ export.Checker    = (*dir.Spool)(nil)
	_ export.FreeSpacer = (*dir.Spool)(nil)
	_ export.Sweeper    = (*dir.Spool)(nil)
)

func newDestination(t *testing.T, path string) *dir.Destination {
	t.Helper()
	d, err := dir.NewDestination(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func newSpool(t *testing.T, path string) *dir.Spool {
	t.Helper()
	s, err := dir.NewSpool(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestKits also looks that nothing but objects stays behind.
func TestKits(t *testing.T) {
	noTemp := func(t *testing.T, path string) {
		t.Cleanup(func() {
			if left := files(t, filepath.Join(path, "~tmp")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
	t.Run("Destination", func(t *testing.T) {
		jobstest.RunDestination(t, func(t *testing.T) jobs.Destination {
			path := t.TempDir()
			noTemp(t, path)
			return newDestination(t, path)
		})
	})
	t.Run("Spool", func(t *testing.T) {
		exporttest.RunSpool(t, func(t *testing.T) export.Spool {
			path := t.TempDir()
			noTemp(t, path)
			return newSpool(t, path)
		})
	})
}

// files are the paths of all that is in a folder and is no folder.
func files(t *testing.T, path string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(path, func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			found = append(found, name)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return found
}

func put(ctx context.Context, d jobs.Destination, key, content string) error {
	return d.Put(ctx, key, func(w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	})
}

func get(ctx context.Context, d jobs.Destination, key string) (string, error) {
	r, err := d.Open(ctx, key)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(r)
	return string(b), errors.Join(err, r.Close())
}

func TestBadKeys(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "top")
	d := newDestination(t, outside)
	for _, key := range []string{
		"", ".", "..", "/", "/a", "a/", "a//b", "../a", "a/../b", "a/..", "./a", "~tmp/a", "a~", "a b", `a\b`, "a:b", "é", "a\x00", "C:a", "a*",
	} {
		if err := put(t.Context(), d, key, "x"); err == nil {
			t.Errorf("Put(%q) is taken", key)
		}
		if r, err := d.Open(t.Context(), key); err == nil {
			r.Close()
			t.Errorf("Open(%q) is taken", key)
		}
		if err := d.Delete(t.Context(), key); err == nil {
			t.Errorf("Delete(%q) is taken", key)
		}
	}
	for _, prefix := range []string{"/", "..", "../", "~tmp/", "a//", "./"} {
		if keys, err := d.List(t.Context(), prefix); err != nil || len(keys) > 0 {
			t.Errorf("List(%q) gives %v, %v", prefix, keys, err)
		}
	}
	s := newSpool(t, t.TempDir())
	for _, id := range []export.PartID{
		{}, {JobID: "a"}, {Section: "a"}, {JobID: "..", Section: "a"}, {JobID: "a/b", Section: "a"}, {JobID: "~tmp", Section: "a"},
		{JobID: "a", Section: "a.b"}, {JobID: "a", Section: "../b"}, {JobID: "a", Section: "b", Shard: -1}, {JobID: "a", Section: "b", Attempt: -1},
	} {
		if err := s.Put(t.Context(), id, func(io.Writer) error { return nil }); err == nil {
			t.Errorf("part %+v is taken", id)
		}
	}
	if all := files(t, filepath.Dir(outside)); len(all) > 0 {
		t.Errorf("there is %v", all)
	}
}

// TestPartNames has ids that are alike.
func TestPartNames(t *testing.T) {
	path := t.TempDir()
	s := newSpool(t, path)
	var want []export.PartID
	for _, section := range []string{"a", "a-1", "a-1-2", "1", "-", "a_1"} {
		for shard := range 3 {
			for attempt := range 3 {
				want = append(want, export.PartID{JobID: "job", Section: section, Shard: shard, Attempt: attempt})
			}
		}
	}
	for _, id := range want {
		if err := s.Put(t.Context(), id, func(io.Writer) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"notes.txt", "a-1.part", "a-01-1.part", "a-1-+1.part", "a-1-1", "a-1-1.part.part"} {
		if err := os.WriteFile(filepath.Join(path, "job", name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.List(t.Context(), "job")
	if err != nil {
		t.Fatal(err)
	}
	byText := func(a, b export.PartID) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) }
	slices.SortFunc(got, byText)
	slices.SortFunc(want, byText)
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no modes")
	}
	path := filepath.Join(t.TempDir(), "made", "new")
	d := newDestination(t, path)
	if err := put(t.Context(), d, "org/job/1.zip", "x"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{
		"..": fs.ModeDir | 0o700, ".": fs.ModeDir | 0o700, "org": fs.ModeDir | 0o700, "org/job": fs.ModeDir | 0o700, "org/job/1.zip": 0o600,
	} {
		info, err := os.Stat(filepath.Join(path, name))
		if err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v, want %v", name, info.Mode(), err, want)
		}
	}
}

func TestLinksDoNotLeadOut(t *testing.T) {
	path, outside := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(path, "link")); err != nil {
		t.Skipf("no symbolic links: %v", err)
	}
	if err := os.Symlink(filepath.Join(outside, "secret"), filepath.Join(path, "file")); err != nil {
		t.Fatal(err)
	}
	d := newDestination(t, path)
	if err := put(t.Context(), d, "link/new", "x"); err == nil {
		t.Error("Put goes through a link that leads out")
	}
	for _, key := range []string{"link/secret", "file"} {
		if got, err := get(t.Context(), d, key); err == nil {
			t.Errorf("Open(%q) gives %q", key, got)
		}
		_ = d.Delete(t.Context(), key) // takes the link at most
	}
	if keys, err := d.List(t.Context(), ""); err != nil || len(keys) > 0 {
		t.Errorf("List gives %v, %v", keys, err)
	}
	// Putting replaces a link and does not write through it.
	if err := put(t.Context(), d, "file", "new"); err != nil {
		t.Error(err)
	}
	if all := files(t, outside); len(all) != 1 {
		t.Errorf("outside there is %v", all)
	}
	if b, err := os.ReadFile(filepath.Join(outside, "secret")); err != nil || string(b) != "x" {
		t.Errorf("outside there is %q, %v", b, err)
	}
}

func TestDeleteRemovesEmptyFolders(t *testing.T) {
	path := t.TempDir()
	d := newDestination(t, path)
	for _, key := range []string{"org/job1/1.zip", "org/job1/2.zip", "org/job2/1.zip"} {
		if err := put(t.Context(), d, key, "x"); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		key  string
		gone string // by then, and not before
	}{{"org/job1/1.zip", ""}, {"org/job1/2.zip", "org/job1"}, {"org", ""}, {"org/job2/1.zip", "org"}} {
		if _, err := os.Stat(filepath.Join(path, c.gone)); err != nil {
			t.Errorf("before %s: %v", c.key, err)
		}
		if err := d.Delete(t.Context(), c.key); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(path, c.gone)); c.gone != "" && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("after %s: %s is there: %v", c.key, c.gone, err)
		}
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

// A process that is killed after it has deleted the last part of a job, or before
// it has published the first, leaves a folder that List is asked about again.
func TestListRemovesEmptyFolders(t *testing.T) {
	path := t.TempDir()
	s := newSpool(t, path)
	kept := export.PartID{JobID: "kept", Section: "a", Attempt: 1}
	if err := s.Put(t.Context(), kept, func(w io.Writer) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(path, "job"), 0o700); err != nil {
		t.Fatal(err)
	}
	for job, parts := range map[string]int{"job": 0, "kept": 1, "none": 0} {
		if ids, err := s.List(t.Context(), job); err != nil || len(ids) != parts {
			t.Errorf("List of %s gives %v, %v", job, ids, err)
		}
		if _, err := os.Stat(filepath.Join(path, job)); (err == nil) != (parts > 0) {
			t.Errorf("the folder of %s: %v", job, err)
		}
	}
}

// TestPutAndDeleteRace has writers whose folders are removed for being empty
// again and again, and sweeps, as of several processes.
func TestPutAndDeleteRace(t *testing.T) {
	path := t.TempDir()
	var wg sync.WaitGroup
	for i := range 4 {
		d := newDestination(t, path)
		wg.Go(func() {
			key := fmt.Sprintf("org/job/deep/%d.zip", i)
			for range 200 {
				if err := put(t.Context(), d, key, key); err != nil {
					t.Errorf("Put: %v", err)
					return
				}
				if got, err := get(t.Context(), d, key); err != nil || got != key {
					t.Errorf("Open: %q, %v", got, err)
					return
				}
				if _, err := d.List(t.Context(), "org/"); err != nil {
					t.Errorf("List: %v", err)
					return
				}
				if err := d.Delete(t.Context(), key); err != nil {
					t.Errorf("Delete: %v", err)
					return
				}
			}
		})
	}
	wg.Go(func() {
		for range 200 {
			d, err := dir.NewDestination(path)
			if err != nil {
				t.Error(err)
				return
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	if _, err := os.Stat(filepath.Join(path, "org")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folders are there: %v", err)
	}
}

func TestCheck(t *testing.T) {
	path := filepath.Join(t.TempDir(), "folder")
	d := newDestination(t, path)
	if err := d.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if all := files(t, path); len(all) > 0 {
		t.Errorf("Check has left %v", all)
	}
	free, err := d.FreeSpace()
	if err != nil && !errors.Is(err, errors.ErrUnsupported) || err == nil && free <= 0 {
		t.Errorf("FreeSpace gives %d, %v", free, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Check(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled Check gives %v", err)
	}
	if err := os.Rename(path, path+"2"); err != nil {
		t.Skipf("an open folder cannot be moved: %v", err)
	}
	if err := d.Check(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("with its folder gone Check gives %v", err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := d.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "was replaced") {
		t.Errorf("with another folder in its place Check gives %v", err)
	}
	if err := put(t.Context(), d, "a/b", "x"); err == nil || !strings.Contains(err.Error(), "was replaced") {
		t.Errorf("with another folder in its place Put gives %v", err)
	}
	for _, folder := range []string{path, path + "2"} {
		if all := files(t, folder); len(all) > 0 {
			t.Errorf("Put has left %v in %s", all, folder)
		}
	}
}

func TestOpenRefusesFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, filepath.Join(path, "below")} {
		if _, err := dir.NewDestination(p); err == nil || !strings.HasPrefix(err.Error(), "dir: ") {
			t.Errorf("%s: %v", p, err)
		}
	}
}

// TestKeyBelowKey has a file in the place of a folder, and the other way round.
func TestKeyBelowKey(t *testing.T) {
	d := newDestination(t, t.TempDir())
	if err := put(t.Context(), d, "a/b", "x"); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"a", "a/b/c"} {
		if err := put(t.Context(), d, key, "y"); err == nil {
			t.Errorf("Put(%q) is taken", key)
		}
		if _, err := get(t.Context(), d, key); !errors.Is(err, export.ErrNotFound) {
			t.Errorf("Open(%q) gives %v", key, err)
		}
		if err := d.Delete(t.Context(), key); err != nil {
			t.Errorf("Delete(%q) gives %v", key, err)
		}
	}
	if got, err := get(t.Context(), d, "a/b"); err != nil || got != "x" {
		t.Errorf("what was there is %q, %v", got, err)
	}
}
