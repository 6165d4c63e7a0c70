package wire

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
)

// checkBucket tries the bucket of archives, if the file names one.
func checkBucket(ctx context.Context, c *config.Config) *config.Problem {
	bucket := c.Archives.Bucket
	if bucket.Line == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if err := tryBucket(ctx, c); err != nil {
		return &config.Problem{File: c.File, Line: bucket.Line, Message: "the bucket cannot be used: " + withoutPackage(err)}
	}
	return nil
}

// checkObjects lists an object of each bucket with assets.
func (s *Setup) checkObjects(ctx context.Context, c *config.Config) (problems config.FileErrors) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	for _, section := range c.Sections {
		for _, from := range section.Assets {
			files, ok := s.assets[keyOf(from)].(objects)
			if !ok {
				continue
			}
			if err := files.Check(ctx); err != nil {
				problems = append(problems, config.Problem{File: c.File, Line: from.Folder.Line, Message: "the bucket cannot be used: " + withoutPackage(err)})
			}
		}
	}
	return problems
}

// tryBucket puts, reads, lists and deletes an object in the bucket of a configuration, as
// exports do.
func tryBucket(ctx context.Context, c *config.Config) error {
	store, err := openBucket(ctx, c, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	key, want := "exportd-check/"+rand.Text(), []byte("a test of exportd check")
	d := store.destination
	if err := d.Put(ctx, key, func(w io.Writer) error { _, err := w.Write(want); return err }); err != nil {
		return err
	}
	deleted := func(err error) error { return errors.Join(err, d.Delete(context.WithoutCancel(ctx), key)) }
	r, err := d.Open(ctx, key)
	if err != nil {
		return deleted(err)
	}
	got, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil || !bytes.Equal(got, want) {
		return deleted(errors.Join(err, fmt.Errorf("what was put comes back as %d bytes of %d", len(got), len(want))))
	}
	if keys, err := d.List(ctx, key); err != nil || !slices.Contains(keys, key) {
		return deleted(errors.Join(err, errors.New("what was put is not listed")))
	}
	return deleted(nil)
}
