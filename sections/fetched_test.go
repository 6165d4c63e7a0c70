package sections_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/sections"
	"github.com/orgexport/orgexport/sections/sectiontest"
)

// bucket has files that are opened by their keys, as those of an object store.
type bucket struct {
	fs.FS
	sessions, open atomic.Int64
}

var bucketTime = time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)

type bucketFile struct {
	fs.File
	bucket *bucket
}

func (f bucketFile) Close() error {
	f.bucket.open.Add(-1)
	return f.File.Close()
}

// Session implements [sections.Files].
func (b *bucket) Session() func(context.Context, string) (export.Content, error) {
	b.sessions.Add(1)
	return func(ctx context.Context, key string) (export.Content, error) {
		if ctx.Err() != nil {
			return export.Content{}, context.Cause(ctx)
		}
		f, err := b.Open(key)
		if err != nil {
			return export.Content{}, export.WithPublic(errors.New("the key is a secret"), "The object is not there.")
		}
		info, err := f.Stat()
		if err != nil {
			return export.Content{}, err
		}
		b.open.Add(1)
		var body io.ReadCloser = bucketFile{f, b}
		return export.Content{Body: body, Size: info.Size(), Modified: bucketTime}, nil
	}
}

func fetchedSQL(t *testing.T, files sections.Files, keepTime bool, rows string) export.Section {
	db := newDB(t, "CREATE TABLE things (n INTEGER, id TEXT, key TEXT); INSERT INTO things VALUES "+rows)
	return newSQL(t, sections.SQL{Key: "things", DB: db, Scratch: t.TempDir(), Assets: []sections.AssetFiles{{
		From: files, Ahead: 3, KeepTime: keepTime, Source: "{{.key}}", File: "{{.id}}", SQL: "SELECT * FROM things WHERE :organization_id <> '' ORDER BY n",
	}}})
}

// Rows name files by what may be a secret: those that are not there are listed by their names in
// the archive, or by their rows.
func TestFetchedAssets(t *testing.T) {
	for _, keepTime := range []bool{false, true} {
		files := &bucket{FS: images}
		r, err := recorded(t, fetchedSQL(t, files, keepTime, `(1, 'a', 'img/nut.png'), (2, 'b', 'img/none.png?SECRET'), (3, 'x/y', 'img/bolt.png?SECRET'),
			(4, 'd', NULL), (5, 'A', 'img/bolt.png'), (6, 'f', 'img/bolt.png')`), acme)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{
			`{{.id}}, row 3: The name "x/y" has a slash.`,
			"{{.key}}, row 4: The name needs a value that is missing.",
			"b: The object is not there.",
			`A: The name "A" is used twice in its section (upper and lower case do not differ).`,
		}
		if got := skips(r); !slices.Equal(got, want) {
			t.Errorf("skipped\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		for name, want := range map[string]string{"a": "nut", "f": "bolt"} {
			c, ok := r.Find(name)
			if !ok || string(c.Content) != want || c.Modified.Equal(bucketTime) != keepTime || c.Modified.IsZero() == keepTime {
				t.Errorf("%s is %q of %v", name, c.Content, c.Modified)
			}
		}
		if files.sessions.Load() != 1 || files.open.Load() != 0 {
			t.Errorf("%d sessions; %d files are open", files.sessions.Load(), files.open.Load())
		}
	}
}

// TestFetchedSection: the section keeps to its contract.
func TestFetchedSection(t *testing.T) {
	files := &bucket{FS: images}
	sectiontest.Run(t, sectiontest.Suite{
		New: func(t *testing.T) export.Section {
			return fetchedSQL(t, files, false, "(1, 'a', 'img/nut.png'), (2, 'b', 'img/none.png'), (3, 'c', 'img/bolt.png'), (4, 'd', NULL), (5, 'e', 'img/nut.png')")
		},
		Scope: acme,
		Open:  func() int { return int(files.open.Load()) },
	})
}

// TestFetchedProblems: what does not fit together is said.
func TestFetchedProblems(t *testing.T) {
	files := &bucket{FS: images}
	_, err := sections.NewSQL(sections.SQL{Key: "s", DB: newDB(t), Assets: []sections.AssetFiles{
		{From: files, FS: images, Source: "a", File: "b", SQL: "SELECT :organization_id AS id"},
		{From: files, Folder: "{{.organization_id}}", Ahead: -1, Source: "a", File: "b", SQL: "SELECT :organization_id AS id"},
	}})
	for _, want := range []string{"Assets[0].From is set, and so is FS", "Assets[1].Folder is set, but From has no folders", "Assets[1].Ahead is negative"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
