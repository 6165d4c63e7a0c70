package export

import (
	"fmt"
	"path"
	"strings"

	"github.com/orgexport/orgexport/export/record"
)

// renamedFile is the engine's own file that lists what [SectionOptions.Rename] has renamed.
const renamedFile = "_renamed.ndjson"

// claim returns the name that a file gets, which is noted in the index. It is another one than
// name only if the section renames. The error is a [*NameError] if there is none.
func (s *sink) claim(name string) (string, error) {
	if !s.rename {
		if err := CheckName(name); err != nil {
			return "", err
		}
		return name, s.names.add(name)
	}
	return s.names.addFree(repairedName(name))
}

// renamedLine returns the line of the list for a file that has another name than the section
// gave it. For one that has the same it is nil.
func renamedLine(name, original string) ([]byte, error) {
	if name == original {
		return nil, nil
	}
	return record.Encode(renamedFile, record.NDJSON, record.Row{
		Columns: []string{"name", "original"},
		Values:  []any{name, strings.ToValidUTF8(original, "\uFFFD")},
	}, record.Options{})
}

// repairedName returns a name that CheckName accepts. One that it accepts stays the same; in
// others the forbidden characters become underscores, elements are cut before their
// extension, and folders are left out of what is too long all the same.
func repairedName(name string) string {
	if CheckName(name) == nil {
		return name
	}
	var elements []string
	for element := range strings.SplitSeq(name, "/") {
		switch {
		case element == "" || element == ".":
			continue
		case checkElement(element) != "" || element == ".." || strings.ToValidUTF8(element, "") != element:
			element = repairedElement(element, "", maxElement)
		}
		elements = append(elements, element)
	}
	if len(elements) == 0 {
		elements = []string{"_"}
	}
	const room = 32 // for a number
	last := elements[len(elements)-1]
	repaired := ""
	for _, folder := range elements[:len(elements)-1] {
		if len(repaired)+len(folder)+1+len(last)+room > maxPath {
			break
		}
		repaired += folder + "/"
	}
	repaired += last
	if CheckName(repaired) != nil { // it is one of the engine's own
		repaired = "_" + repaired
	}
	return repaired
}

// addFree notes a file name, or the first free one of name~2.ext, name~3.ext and so on. If a
// folder of the name is a file, that folder gets the number.
func (x *nameIndex) addFree(name string) (string, error) {
	for range strings.Count(name, "/") + 2 { // each element is renamed once at most
		err := x.add(name)
		if _, taken := err.(*NameError); !taken { //nolint:errorlint // add does not wrap it
			return name, err
		}
		next, numberErr := x.numbered(name)
		if numberErr != nil {
			return "", numberErr
		}
		if CheckName(next) != nil || next == name {
			return "", err
		}
		name = next
	}
	return "", &NameError{name, "cannot be made another one"}
}

// numbered returns a name that is taken with a number in the element that is.
func (x *nameIndex) numbered(name string) (string, error) {
	for _, folder := range parents(name) {
		kind, err := x.kind(folder)
		if err != nil {
			return "", err
		}
		if kind != kindFile {
			continue
		}
		free, err := firstFree(func(n int) (bool, error) {
			kind, err := x.kind(numberedElement(folder, "", n))
			return kind != kindFile, err
		})
		return numberedElement(folder, "", free) + strings.TrimPrefix(name, folder), err
	}
	stem, ext := splitExtension(path.Base(name))
	stem = strings.TrimSuffix(name, path.Base(name)) + stem
	free, err := firstFree(func(n int) (bool, error) {
		kind, err := x.kind(numberedElement(stem, ext, n))
		return kind != kindFile && kind != kindFolder, err
	})
	return numberedElement(stem, ext, free), err
}

// numberedElement puts a number behind the last element of a path, which is cut if it is too
// long, and before an extension.
func numberedElement(stem, ext string, n int) string {
	mark := fmt.Sprintf("~%d", n)
	folder, element := path.Split(stem)
	return folder + cutText(element, maxElement-len(mark)-len(ext)) + mark + ext
}

// firstFree returns a number from 2 on that is free and whose predecessor is not, or 2. If
// numbers are taken in order, that is the first free one. It asks for few of them.
func firstFree(isFree func(int) (bool, error)) (int, error) {
	taken, free := 1, 2
	for {
		ok, err := isFree(free)
		if err != nil {
			return 0, err
		}
		if ok {
			break
		}
		taken, free = free, 2*free
	}
	for free-taken > 1 {
		middle := taken + (free-taken)/2
		ok, err := isFree(middle)
		if err != nil {
			return 0, err
		}
		if ok {
			free = middle
		} else {
			taken = middle
		}
	}
	return free, nil
}

// kind returns what a name is already: 0 if it is nothing.
func (x *nameIndex) kind(name string) (byte, error) {
	e, err := x.table.Find(FoldName(name))
	if err != nil {
		return 0, err
	}
	return e.Mark(), nil
}
