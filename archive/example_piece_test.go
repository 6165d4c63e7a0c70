package archive_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/orgexport/orgexport/archive"
)

// piece is a packed piece, here in memory.
type piece struct {
	archive.Piece
	body, tail bytes.Buffer
}

// packPiece packs some of a file's records.
func packPiece(ctx context.Context, format archive.Format, records string) (*piece, error) {
	var p piece
	var err error
	p.Piece, err = format.PackPiece(ctx, &p.body, &p.tail, archive.Options{}, strings.NewReader(records))
	return &p, err
}

// joinPieces makes an archive of one file, which has the pieces in a list of JSON.
func joinPieces(ctx context.Context, format archive.Format, dst io.Writer, pieces ...*piece) error {
	sources, text := make([]archive.PieceSource, 0, len(pieces)+1), "["
	for _, p := range pieces {
		sources = append(sources, archive.PieceSource{
			Text:  []byte(text),
			Piece: p.Piece,
			Open: func() (body, tail io.Reader, done func(), err error) {
				return &p.body, &p.tail, nil, nil
			},
		})
		text = ","
	}
	sources = append(sources, archive.PieceSource{Text: []byte("]\n")})
	return format.Join(ctx, dst, archive.Options{}, func(j archive.Joiner) error {
		f, err := j.File(archive.Entry{Name: "products.json", ModTime: time.Unix(1_790_000_000, 0)}, sources)
		fmt.Println(f.Name, f.Size)
		return err
	})
}

// Two workers pack the records of one file, and a third joins them.
func ExampleJoiner_pieces() {
	ctx, format := context.Background(), archive.TarGz()
	second, err := packPiece(ctx, format, `{"id":3}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	first, err := packPiece(ctx, format, `{"id":1},{"id":2}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	var b bytes.Buffer
	if err := joinPieces(ctx, format, &b, first, second); err != nil {
		fmt.Println(err)
		return
	}
	r, err := format.NewReader(&b, archive.ReadOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	if _, err := r.Next(); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := io.Copy(os.Stdout, r); err != nil {
		fmt.Println(err)
	}
	// Output:
	// products.json 29
	// [{"id":1},{"id":2},{"id":3}]
}
