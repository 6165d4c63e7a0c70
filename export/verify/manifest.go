package verify

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/orgexport/orgexport/export"
)

// compareManifest checks the manifest in itself and against the files.
func (c *checker) compareManifest() {
	if c.manifest == nil {
		c.found(Manifest, c.below(manifestFile), "is missing")
		return
	}
	m, err := export.ParseManifest(c.manifest.Bytes())
	if err != nil {
		c.wrong("is not readable: %s", strings.TrimPrefix(err.Error(), "export: "))
		return
	}
	c.report.Manifest = m
	if !isKnown(m.FormatVersion) {
		c.wrong("has version %q, which is not known", m.FormatVersion)
		return
	}
	if m.Organization.ID == "" || m.Job == "" {
		c.wrong("does not say whose data it is, or of which job")
	}
	if _, err := time.Parse(time.RFC3339, m.AsOf); err != nil {
		c.wrong("has no time: as_of is %q", m.AsOf)
	}
	listed := make(map[string]bool, len(m.Sections))
	for _, s := range m.Sections {
		if export.CheckKey(s.Key) != nil || listed[s.Key] {
			c.wrong("lists a section %q, which is no key or is listed before", s.Key)
			continue
		}
		listed[s.Key] = true
		c.compareSection(s)
	}
	for _, key := range slices.Sorted(maps.Keys(c.sections)) {
		if !listed[key] {
			c.found(Manifest, c.below(key), "is not one of the sections that the manifest lists")
		}
	}
}

func (c *checker) wrong(format string, args ...any) {
	c.found(Manifest, c.below(manifestFile), fmt.Sprintf(format, args...))
}

// isKnown accepts later versions that only add to this one.
func isKnown(version string) bool {
	major, _, _ := strings.Cut(export.FormatVersion, ".")
	return strings.HasPrefix(version, major+".")
}

// compareSection checks a line of the inventory. An array in a .json file may
// be one record or many, and an asset may have any name, so that counts are
// not always known exactly.
func (c *checker) compareSection(s export.SectionResult) {
	t := c.sections[s.Key]
	if t == nil {
		t = new(tally)
	}
	if s.Status != status(s) {
		c.wrong("says of section %s that it is %q, which does not fit its counts and its error", s.Key, s.Status)
	}
	if t.skipped && s.Error == "" {
		c.found(Manifest, c.below(s.Key+"/"+skippedFile), "is there, but the manifest says that nothing went wrong")
	}
	if !t.skipped && strings.HasSuffix(s.Error, " listed in "+s.Key+"/"+skippedFile+".") {
		c.found(Manifest, c.below(s.Key+"/"+skippedFile), "is not there, but the manifest says that items were skipped")
	}
	if s.Records < 0 || s.Binaries < 0 || !t.possible(s.Records, s.Binaries) {
		c.wrong("says that section %s has %d records and %d binaries, which its files do not have", s.Key, s.Records, s.Binaries)
	}
}

// status is what follows from the rest of a line.
func status(s export.SectionResult) export.Status {
	wrote := s.Records > 0 || s.Binaries > 0
	switch {
	case wrote && s.Error == "":
		return export.StatusOK
	case wrote:
		return export.StatusPartial
	case s.Error == "":
		return export.StatusEmpty
	}
	return export.StatusError
}
