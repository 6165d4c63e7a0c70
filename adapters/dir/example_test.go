package dir_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/orgexport/orgexport/adapters/dir"
	"github.com/orgexport/orgexport/export"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// A destination keeps what is completed, and nothing else.
func Example() {
	path, err := os.MkdirTemp("", "archives-*") // yours is /var/lib/exportd/archives or so
	check(err)
	defer func() { check(os.RemoveAll(path)) }()

	destination, err := dir.NewDestination(path)
	check(err)
	defer destination.Close()

	ctx := context.Background()
	err = destination.Put(ctx, "org/job/1.zip", func(w io.Writer) error {
		_, err := io.WriteString(w, "the archive")
		return err
	})
	check(err)

	// Nothing is kept of what was not completed.
	err = destination.Put(ctx, "org/job/2.zip", func(w io.Writer) error {
		_, err := io.WriteString(w, "half an arch")
		return errors.Join(err, errors.New("the database is gone"))
	})
	fmt.Println(err)
	_, err = destination.Open(ctx, "org/job/2.zip")
	fmt.Println(errors.Is(err, export.ErrNotFound))

	keys, err := destination.List(ctx, "org/")
	check(err)
	fmt.Println(keys)
	// Output:
	// the database is gone
	// true
	// [org/job/1.zip]
}
