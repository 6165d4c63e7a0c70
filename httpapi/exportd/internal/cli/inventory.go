package cli

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/orgexport/orgexport/export"
)

// inventory tells what is in an archive.
type inventory struct {
	Filename     string                 `json:"filename"`
	Path         string                 `json:"path"` // as given, or "-"
	Size         int64                  `json:"size_bytes"`
	SHA256       string                 `json:"sha256"`
	JobID        string                 `json:"job_id"`
	AsOf         string                 `json:"as_of"`
	Organization organization           `json:"organization"`
	Sections     []export.SectionResult `json:"sections"`
}

type organization struct {
	ID   string `json:"id"`
	Slug string `json:"slug"`
	Name string `json:"name"`
}

func newInventory(path string, request export.Request, result export.Result) inventory {
	return inventory{
		Filename:     result.Filename,
		Path:         path,
		Size:         result.Size,
		SHA256:       hex.EncodeToString(result.SHA256[:]),
		JobID:        request.JobID,
		AsOf:         request.AsOf.Format(time.RFC3339),
		Organization: organization(request.Organization),
		Sections:     result.Sections,
	}
}

// isIncomplete tells whether a section lacks something that it should have.
func isIncomplete(s export.SectionResult) bool {
	return s.Status != export.StatusOK && s.Status != export.StatusEmpty
}

// incomplete returns an error that names the sections that are, or nil.
func (i inventory) incomplete() error {
	var keys []string
	for _, s := range i.Sections {
		if isIncomplete(s) {
			keys = append(keys, fmt.Sprintf("%s (%s)", s.Key, s.Status))
		}
	}
	if len(keys) == 0 {
		return nil
	}
	all := int64(len(i.Sections))
	return &incompleteError{fmt.Sprintf("the archive is incomplete: %d of %d %s: %s",
		len(keys), all, plural(all, "section", "sections"), strings.Join(keys, ", "))}
}

func (i inventory) print(w io.Writer, asJSON bool) error {
	if asJSON {
		out := json.NewEncoder(w)
		out.SetEscapeHTML(false)
		out.SetIndent("", "  ")
		return out.Encode(i)
	}
	_, err := io.WriteString(w, i.table())
	return err
}

// table is the inventory for people.
func (i inventory) table() string {
	var b strings.Builder
	width := len("SECTION")
	for _, s := range i.Sections {
		width = max(width, len(s.Key))
	}
	line := func(cells ...any) { fmt.Fprintf(&b, "%-*s  %-7s  %12v  %12v\n", append([]any{width}, cells...)...) }
	line("SECTION", "STATUS", "RECORDS", "BINARIES")
	for _, s := range i.Sections {
		line(s.Key, s.Status, s.Records, s.Binaries)
	}
	b.WriteByte('\n')
	for _, s := range i.Sections {
		if s.Error != "" {
			fmt.Fprintf(&b, "%s: %s\n", s.Key, s.Error)
		}
	}
	fmt.Fprintf(&b, "file    %s\nsize    %d bytes\nsha256  %s\n", i.Path, i.Size, i.SHA256)
	return b.String()
}
