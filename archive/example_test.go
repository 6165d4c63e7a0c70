package archive_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/orgexport/orgexport/archive"
)

// part is a packed part, here in memory.
type part struct{ body, tail bytes.Buffer }

// packOne packs a part of one file. Parts can be packed in parallel; then they
// should share the Pool of their Options.
func packOne(ctx context.Context, format archive.Format, name, content string) (*part, error) {
	var p part
	err := format.Pack(ctx, &p.body, &p.tail, archive.Options{}, func(packer archive.Packer) error {
		e := archive.Entry{Name: name, ModTime: time.Date(2026, 6, 26, 21, 0, 0, 0, time.UTC)}
		_, err := packer.Add(ctx, e, strings.NewReader(content))
		return err
	})
	return &p, err
}

// joinAll makes an archive of parts.
func joinAll(ctx context.Context, format archive.Format, dst io.Writer, parts ...*part) error {
	return format.Join(ctx, dst, archive.Options{}, func(joiner archive.Joiner) error {
		for _, p := range parts {
			if err := joiner.Part(&p.body, &p.tail); err != nil {
				return err
			}
		}
		return nil
	})
}

// makeZip packs two parts and joins them in another order.
func makeZip(ctx context.Context, dst io.Writer) error {
	format := archive.Zip()
	world, err := packOne(ctx, format, "greetings/world.txt", "Hello, world!\n")
	if err != nil {
		return err
	}
	all, err := packOne(ctx, format, "greetings/all.txt", "Hello, all!\n")
	if err != nil {
		return err
	}
	return joinAll(ctx, format, dst, all, world)
}

// Files are packed into parts, and parts are joined into an archive. Any program
// can read it; here it is the standard library.
func Example() {
	var b bytes.Buffer
	if err := makeZip(context.Background(), &b); err != nil {
		fmt.Println(err)
		return
	}
	r, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range r.File {
		fmt.Println(f.Name, f.UncompressedSize64, f.Modified.UTC())
	}
	// Output:
	// greetings/all.txt 12 2026-06-26 21:00:00 +0000 UTC
	// greetings/world.txt 14 2026-06-26 21:00:00 +0000 UTC
}
