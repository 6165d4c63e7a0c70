package cli

import (
	"fmt"
	"strings"
)

// tree is a folder of an archive, to be shown to people. Each folder and file
// is in the place where it first came.
type tree struct {
	names   []string
	folders map[string]*tree // nil for a file
}

// add adds a file by the elements of its path.
func (t *tree) add(path []string) {
	if t.folders == nil {
		t.folders = make(map[string]*tree)
	}
	name := path[0]
	folder, ok := t.folders[name]
	if !ok {
		t.names = append(t.names, name)
		if len(path) > 1 {
			folder = new(tree)
		}
		t.folders[name] = folder
	}
	if folder != nil && len(path) > 1 {
		folder.add(path[1:])
	}
}

// A folder of more than fewEntries shows the first of them only.
const (
	fewEntries   = 10
	firstEntries = 3
)

// String shows the tree with a line for each entry, but a few only of those
// that a folder has many of.
func (t *tree) String() string {
	var b strings.Builder
	t.write(&b, "")
	return b.String()
}

func (t *tree) write(b *strings.Builder, indent string) {
	shown := t.names
	if len(shown) > fewEntries {
		shown = shown[:firstEntries]
	}
	for _, name := range shown {
		if folder := t.folders[name]; folder != nil {
			fmt.Fprintf(b, "%s%s/\n", indent, name)
			folder.write(b, indent+"  ")
		} else {
			fmt.Fprintf(b, "%s%s\n", indent, name)
		}
	}
	if more := len(t.names) - len(shown); more > 0 {
		fmt.Fprintf(b, "%s… %d more\n", indent, more)
	}
}
