package export

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func addAll(t *testing.T, names ...string) (got []string) {
	t.Helper()
	x := newNameIndex(t.TempDir())
	defer x.close()
	for _, name := range names {
		free, err := x.addFree(repairedName(name))
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		got = append(got, free)
	}
	return got
}

func TestRename(t *testing.T) {
	blank := strings.Repeat(" ", 300)
	long, deep := strings.Repeat("é", 200), strings.Repeat("folder/", 200)
	for _, c := range [][2][]string{
		{{"a.txt", "a.txt", "A.TXT", "a.txt"}, {"a.txt", "a~2.txt", "A~3.TXT", "a~4.txt"}},
		{{"a~2.txt", "a.txt", "a.txt"}, {"a~2.txt", "a.txt", "a~3.txt"}},
		{{"a", "a/b", "a/c", "a/b"}, {"a", "a~2/b", "a~2/c", "a~2/b~2"}},
		{{"a/b", "a", "a"}, {"a/b", "a~2", "a~3"}},
		{{"a.d/x", "a.d", "a", "a/b.c/d", "a~2/b.c"}, {"a.d/x", "a~2.d", "a", "a~2/b.c/d", "a~2/b~2.c"}},
		{{"a:b?.txt", "a_b_.txt", "a\\b.txt", "\u202ea.txt", "con", "con.csv", "a. ", "..", "", "\xff"}, {"a_b_.txt", "a_b_~2.txt", "a_b.txt", "_a.txt", "_con", "_con.csv", "a", "_", "_~2", "_~3"}},
		{{"/a//./b", "../c", "a/"}, {"a/b", "_/c", "a~2"}},
		{{"_skipped.ndjson", "_renamed.ndjson", "x/_skipped.ndjson"}, {"__skipped.ndjson", "__renamed.ndjson", "x/_skipped.ndjson"}},
		{{"_Skipped.ndjson", "_renamed.ndjson/x", "_renamed.NDJSON/y:z"}, {"__Skipped.ndjson", "__renamed.ndjson/x", "__renamed.NDJSON/y_z"}},
		{{"a/con" + blank + "x", "a/con" + blank + "x.txt"}, {"a/_con", "a/_con" + blank[:247] + ".txt"}},
		{{long + ".jpeg", long + ".jpeg"}, {strings.Repeat("é", 125) + ".jpeg", strings.Repeat("é", 124) + "~2.jpeg"}},
		{{deep + "x.txt", deep + "x.txt"}, {strings.Repeat("folder/", 141) + "x.txt", strings.Repeat("folder/", 141) + "x~2.txt"}},
	} {
		if got := addAll(t, c[0]...); !slices.Equal(got, c[1]) {
			t.Errorf("%q become\n%q, want\n%q", c[0], got, c[1])
		}
	}
}

// Many files of one name take few questions each, and all get numbers in order.
func TestRenameMany(t *testing.T) {
	const n = 20_000
	names := make([]string, n)
	for i := range names {
		names[i] = "image.png"
	}
	for i, name := range addAll(t, names...) {
		if want := fmt.Sprintf("image~%d.png", i+1); i > 0 && name != want {
			t.Fatalf("file %d is %s", i, name)
		}
	}
}

// FuzzRename: whatever the names are, those that come out can be unpacked everywhere, and are
// all different.
func FuzzRename(f *testing.F) {
	f.Add("a\na\nA\na/b\na/c")
	f.Add("con\n../x\n//\n.\n" + strings.Repeat("x", 300) + "\n" + strings.Repeat("x", 300))
	f.Add(strings.Repeat(".", 300) + "b\n" + strings.Repeat("y/", 600) + "\na~2\na\na/b~2/c\na/b\na/b/c")
	f.Fuzz(func(t *testing.T, text string) {
		names := strings.Split(text, "\n")
		x, judge := newNameIndex(""), make(map[string]bool) // so few are in memory
		defer x.close()
		for _, name := range names {
			free, err := x.addFree(repairedName(name))
			if err != nil {
				if _, bad := err.(*NameError); !bad || len(name) < 900 { //nolint:errorlint // it is not wrapped
					t.Fatalf("%q: %v", name, err)
				}
				continue
			}
			if err := CheckName(free); err != nil {
				t.Fatalf("%q becomes %q: %v", name, free, err)
			}
			if CheckName(name) == nil && free != name && !strings.Contains(free, "~") {
				t.Fatalf("%q becomes %q", name, free)
			}
			folded := FoldName(free)
			if isFile, there := judge[folded]; there {
				t.Fatalf("%q becomes %q, which is there: file %v", name, free, isFile)
			}
			judge[folded] = true
			for _, folder := range parents(folded) {
				if judge[folder] {
					t.Fatalf("%q becomes %q, whose folder is a file", name, free)
				}
				judge[folder] = false
			}
		}
	})
}
