package config

import (
	"strings"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/archive/xz"
	"github.com/orgexport/orgexport/archive/zstd"
)

// Formats returns every format that exportd knows. Its commands, flags and help follow
// this list. Tests of this package and of package cli quote it and have to be changed
// with it.
func Formats() []archive.Format {
	return append(archive.DefaultFormats(), xz.TarXz(), zstd.TarZst())
}

// FormatNamed returns the format of a name, and whether there is one.
func FormatNamed(name string, of []archive.Format) (archive.Format, bool) {
	for _, f := range of {
		if f.Name() == name {
			return f, true
		}
	}
	return nil, false
}

// FormatNames returns the names of formats.
func FormatNames(of []archive.Format) (names []string) {
	for _, f := range of {
		names = append(names, f.Name())
	}
	return names
}

// format decodes a format that requests may name.
func (d *decoder) format(t Text) {
	offered := &d.config.API.Formats
	f, ok := FormatNamed(t.Value, Formats())
	if !ok {
		d.problem(t.Line, "%q is none of %s", t.Value, strings.Join(FormatNames(Formats()), ", "))
		return
	}
	if _, twice := FormatNamed(t.Value, *offered); twice {
		d.problem(t.Line, "%q is there twice", t.Value)
		return
	}
	*offered = append(*offered, f)
}
