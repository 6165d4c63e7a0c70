// Command embed shows how a service exports what an organization owns. It
// writes the archive of a made-up one into the current folder:
//
//	go run ./examples/embed
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/sections"
)

// README: embed begin

// newEngine is called once, when the service starts.
func newEngine(s store, files fs.FS) (*export.Engine, error) {
	return export.New(export.Config{Sections: []export.Section{
		sections.FromSeq("members", "members.csv", s.members), // an iterator over your data
		sections.FromFiles("contracts", files, s.contracts),
	}})
}

// exportTo puts an archive into a folder, whole or not at all. Each export has a job id of its own.
func exportTo(ctx context.Context, e *export.Engine, o export.Organization, jobID, dir string) (string, error) {
	file, err := os.CreateTemp(dir, ".*.partial")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.Remove(file.Name()) }() // nothing is left of a failure
	request := export.Request{Organization: o, JobID: jobID, AsOf: time.Now(), Format: archive.Zip()}
	result, err := e.Export(ctx, request, file)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return "", err
	}
	name := filepath.Join(dir, result.Filename)
	return name, os.Rename(file.Name(), name)
}

// README: embed end

func main() {
	if err := run(context.Background(), "."); err != nil {
		slog.Error("not exported", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string) error {
	engine, err := newEngine(acmeOnly, contractFiles)
	if err != nil {
		return err
	}
	var uuid [16]byte
	rand.Read(uuid[:])
	name, err := exportTo(ctx, engine, acme, export.EncodeID(uuid), dir)
	if err != nil {
		return err
	}
	slog.InfoContext(ctx, "exported", "file", name)
	return nil
}
