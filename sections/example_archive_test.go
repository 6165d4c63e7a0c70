package sections_test

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/sections"
)

// README: hello begin

// writeArchive exports everything that an organization owns: here, its members.
func writeArchive(ctx context.Context, path string, organization export.Organization) error {
	members := sections.FromSeq("members", "members.csv", listMembers) // an iterator over your data
	engine, err := export.New(export.Config{Sections: []export.Section{members}})
	if err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	request := export.Request{Organization: organization, JobID: export.NewID(), AsOf: time.Now(), Format: archive.Zip()}
	_, err = engine.Export(ctx, request, file)
	return errors.Join(err, file.Close())
}

// README: hello end

// member is a record. It has the columns name and email.
type member struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// listMembers stands for a query of your database.
func listMembers(_ context.Context, _ export.Scope) iter.Seq2[member, error] {
	return func(yield func(member, error) bool) {
		_ = yield(member{"Ada", "ada@acme.example"}, nil) &&
			yield(member{"Grace", "grace@acme.example"}, nil)
	}
}

// An iterator goes in, and an archive comes out.
func Example() {
	folder, err := os.MkdirTemp("", "example-*")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder) //nolint:errcheck // it is a temporary folder

	path := filepath.Join(folder, "archive.zip")
	acme := export.Organization{ID: "H9cNmGXLEc8NWcZzSThA9S", Slug: "acme-foods", Name: "Acme Foods"}
	if err := writeArchive(context.Background(), path, acme); err != nil {
		fmt.Println(err)
		return
	}

	files, err := zip.OpenReader(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer files.Close()
	for _, f := range files.File {
		_, name, _ := strings.Cut(f.Name, "/") // without the folder export-acme-foods-DATE-TIME
		fmt.Println(name)
	}
	// Output:
	// members/members.csv
	// manifest.yaml
	// SHA256SUMS
}
