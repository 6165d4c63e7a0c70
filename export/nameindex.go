package export

import (
	"path"

	"github.com/orgexport/orgexport/internal/keytable"
)

// nameIndex remembers the names of one section to tell duplicates.
type nameIndex struct {
	table  *keytable.Table
	parent string // folder of the last name, known to be fine
}

// indexMemory is what the names of a section may take in memory, in bytes: those of 262,144
// files and folders. Beyond that it is about 1.5 for each.
const indexMemory = 8 << 20

// What a name is. One that is gone was a file that did not come to be.
const (
	kindFile   = 1
	kindFolder = 2
	kindGone   = 3
)

func newNameIndex(scratch string) *nameIndex {
	return &nameIndex{table: keytable.New(scratch, 0, indexMemory)}
}

// add notes a file name. It returns a *NameError if the name, or one that some
// file system takes for the same, is there already, or is a folder of another,
// or goes through a file.
func (x *nameIndex) add(name string) error {
	folded := FoldName(name)
	dir := path.Dir(folded)
	if dir != "." && dir != x.parent {
		for _, folder := range parents(folded) {
			kind, err := x.put(folder, kindFolder)
			if err != nil {
				return err
			}
			if kind == kindFile {
				return &NameError{name, "goes through a name that is a file"}
			}
		}
	}
	x.parent = dir
	kind, err := x.put(folded, kindFile)
	if err != nil {
		return err
	}
	switch kind {
	case kindFile:
		return &NameError{name, "is used twice in its section (upper and lower case do not differ)"}
	case kindFolder:
		return &NameError{name, "is a folder already"}
	}
	return nil
}

// forget makes a name that was added usable again.
func (x *nameIndex) forget(name string) error {
	if _, err := x.table.Find(FoldName(name)); err != nil {
		return err
	}
	x.table.Put(kindGone)
	return nil
}

// put inserts a name and returns 0, or what the name is already.
func (x *nameIndex) put(name string, kind byte) (byte, error) {
	e, err := x.table.Find(name)
	if err != nil {
		return 0, err
	}
	if there := e.Mark(); there == kindFile || there == kindFolder {
		return there, nil
	}
	x.table.Put(kind)
	return 0, nil
}

// close gives the space back.
func (x *nameIndex) close() { x.table.Close() }
