package main

import (
	"archive/tar"
	"archive/zip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/pgzip"
	"github.com/mholt/archives"

	"github.com/orgexport/orgexport/sections"
)

// mholt packs a folder by github.com/mholt/archives.
func mholt(archiver archives.Archiver) func(ctx context.Context, in, out string) error {
	return func(ctx context.Context, in, out string) error {
		files, err := archives.FilesFromDisk(ctx, nil, map[string]string{in + string(filepath.Separator): "files/"})
		if err != nil {
			return err
		}
		return copyInto(out, func(w io.Writer) error { return archiver.Archive(ctx, w, files) })
	}
}

func mholtTarGz() archives.Archiver {
	return archives.CompressedArchive{Archival: archives.Tar{}, Compression: archives.Gz{CompressionLevel: 6, Multithreaded: true}}
}

func mholtTarZst() archives.Archiver {
	return archives.CompressedArchive{Archival: archives.Tar{}, Compression: archives.Zstd{}}
}

// tarPgzip packs a folder by archive/tar and github.com/klauspost/pgzip.
func tarPgzip(_ context.Context, in, out string) error {
	return copyInto(out, func(w io.Writer) error {
		gz, err := pgzip.NewWriterLevel(w, 6)
		if err != nil {
			return err
		}
		if err := gz.SetConcurrency(1<<20, 2); err != nil {
			return err
		}
		to := tar.NewWriter(gz)
		err = eachFile(in, func(name string, file *os.File, info os.FileInfo) error {
			header, err := tar.FileInfoHeader(info, "")
			if err != nil {
				return err
			}
			header.Name = "files/" + name
			if err := to.WriteHeader(header); err != nil {
				return err
			}
			_, err = io.Copy(to, file)
			return err
		})
		return errors.Join(err, to.Close(), gz.Close())
	})
}

// zipKlauspost packs a folder by archive/zip and one flate.Writer of klauspost/compress.
func zipKlauspost(_ context.Context, in, out string) error {
	return copyInto(out, func(w io.Writer) error {
		to := zip.NewWriter(w)
		packer, err := flate.NewWriter(nil, 6)
		if err != nil {
			return err
		}
		to.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
			packer.Reset(w)
			return packer, nil
		})
		err = eachFile(in, func(name string, file *os.File, info os.FileInfo) error {
			entry, err := to.CreateHeader(&zip.FileHeader{Name: "files/" + name, Method: zip.Deflate, Modified: info.ModTime()})
			if err != nil {
				return err
			}
			_, err = io.Copy(entry, file)
			return err
		})
		return errors.Join(err, to.Close())
	})
}

// eachFile opens the files below a folder in the order of their names.
func eachFile(folder string, do func(name string, file *os.File, info os.FileInfo) error) error {
	one := func(source sections.File) error {
		file, err := os.Open(filepath.Join(folder, filepath.FromSlash(source.Source)))
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		info, err := file.Stat()
		if err != nil {
			return err
		}
		return do(source.Name, file, info)
	}
	for source, err := range filesOf(os.DirFS(folder)) {
		if err == nil {
			err = one(source)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
