package xz_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/archive/xz"
)

// makeTarXz makes an archive of one part with one file.
func makeTarXz(ctx context.Context, dst io.Writer) error {
	format := xz.TarXz()
	var body, tail bytes.Buffer
	err := format.Pack(ctx, &body, &tail, archive.Options{}, func(p archive.Packer) error {
		e := archive.Entry{Name: "hello.txt", ModTime: time.Date(2026, 6, 26, 21, 0, 0, 0, time.UTC)}
		_, err := p.Add(ctx, e, strings.NewReader("Hello, world!\n"))
		return err
	})
	if err != nil {
		return err
	}
	return format.Join(ctx, dst, archive.Options{}, func(j archive.Joiner) error {
		return j.Part(&body, &tail)
	})
}

// TarXz is used like the formats of package archive.
func ExampleTarXz() {
	var b bytes.Buffer
	if err := makeTarXz(context.Background(), &b); err != nil {
		fmt.Println(err)
		return
	}
	r, err := xz.TarXz().NewReader(&b, archive.ReadOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	header, err := r.Next()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(header.Name, header.Size)
	if _, err := io.Copy(os.Stdout, r); err != nil {
		fmt.Println(err)
	}
	// Output:
	// hello.txt 14
	// Hello, world!
}
