package archive_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/orgexport/orgexport/archive"
)

// printFiles prints what is in an archive. It reads at most a megabyte.
func printFiles(format archive.Format, src io.Reader) (err error) {
	r, err := format.NewReader(src, archive.ReadOptions{MaxBytes: 1 << 20})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		content, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		fmt.Printf("%s: %s", header.Name, content)
	}
}

// foreignZip is made by another program, here the standard library.
func foreignZip() ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("greetings/world.txt")
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(w, "Hello, world!\n"); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// A Reader reads an archive file by file, whoever made it, and finds out if it
// was damaged.
func ExampleReader() {
	b, err := foreignZip()
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := printFiles(archive.Zip(), bytes.NewReader(b)); err != nil {
		fmt.Println(err)
	}
	err = printFiles(archive.Zip(), bytes.NewReader(b[:len(b)-1]))
	fmt.Println("damaged:", errors.Is(err, archive.ErrDamaged))
	// Output:
	// greetings/world.txt: Hello, world!
	// damaged: true
}
