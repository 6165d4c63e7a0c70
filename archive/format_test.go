package archive_test

import (
	"bufio"
	"compress/gzip"
	"errors"
	"io"
	"testing"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/archive/archivetest"
)

func TestZip(t *testing.T) {
	archivetest.Run(t, archivetest.Config{
		Format:  archive.Zip(),
		Extract: archivetest.ExtractZip,
		Judges:  archivetest.ZipJudges(),
		Golden:  "testdata/golden/zip",
	})
}

func TestTarGz(t *testing.T) {
	archivetest.Run(t, archivetest.Config{
		Format:  archive.TarGz(),
		Extract: archivetest.ExtractTar(unpackGzip),
		Judges:  archivetest.TarJudges("gzip"),
		Golden:  "testdata/golden/tar.gz",
	})
}

// unpackGzip reads one gzip member and makes sure that nothing is behind it.
func unpackGzip(r io.Reader) (io.Reader, error) {
	in := bufio.NewReader(r)
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, err
	}
	z.Multistream(false)
	return io.MultiReader(z, ends{in}), nil
}

// ends fails unless r has ended.
type ends struct{ r io.ByteReader }

func (e ends) Read([]byte) (int, error) {
	if _, err := e.r.ReadByte(); !errors.Is(err, io.EOF) {
		return 0, errors.New("something behind the first gzip member")
	}
	return 0, io.EOF
}

func FuzzPieceZip(f *testing.F) { archivetest.FuzzPieces(f, archive.Zip()) }

func FuzzPieceTarGz(f *testing.F) { archivetest.FuzzPieces(f, archive.TarGz()) }
