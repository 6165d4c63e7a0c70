package export

import (
	"encoding/json"
	"fmt"

	"github.com/orgexport/orgexport/export/record"
)

// FormatVersion is the version of the archive's layout and manifest.
const FormatVersion = "1.0"

// Manifest describes an archive; it is the archive's manifest.yaml.
type Manifest struct {
	// FormatVersion is [FormatVersion] of the software that made the archive.
	FormatVersion string `json:"format_version"`

	Organization ManifestOrganization `json:"organization"`

	// Job is the id of the job that made it.
	Job string `json:"job"`

	// AsOf is the instant of the request in RFC 3339, UTC.
	AsOf string `json:"as_of"`

	// Consistency is how the sections' data belongs together.
	Consistency Consistency `json:"consistency"`

	// Retry says where the sections of a retry come from. Other archives have none.
	Retry *ManifestRetry `json:"retry,omitempty"`

	// CSV says how the .csv files are to be read.
	CSV *ManifestCSV `json:"csv,omitempty"`

	// Sections is the inventory, exactly as the API reports it.
	Sections []SectionResult `json:"sections"`
}

// ManifestOrganization is whose data an archive holds.
type ManifestOrganization struct {
	ID   string `json:"id"`
	Slug string `json:"slug"`
	Name string `json:"name"`
}

// ManifestCSV is the form of an archive's .csv files: see [record.Options].
type ManifestCSV struct {
	Delimiter  string `json:"delimiter"`   // "," or ";" or a tab
	BOM        bool   `json:"bom"`         // files begin with a byte order mark
	LineEnding string `json:"line_ending"` // "crlf" or "lf"

	// FormulaGuard says that texts which a spreadsheet could take for a formula have an
	// apostrophe before them. Undo says how to take it away.
	FormulaGuard bool   `json:"formula_guard"`
	Undo         string `json:"undo,omitempty"`
}

// undoGuard is [record.Options.RawCSV] for whoever has only the archive.
const undoGuard = `An apostrophe stands before text that a spreadsheet could take for a formula. To have the text as it was, take away each apostrophe that is ` +
	`the first character of a cell, or follows a comma, semicolon, vertical bar, tab, carriage return or line feed in it, if after it comes one of = + - @ ＝ ＋ － ＠, ` +
	`maybe with spaces, quotes, apostrophes or invisible characters in between; and one that is first in a cell if after it comes a tab, carriage return or line feed, ` +
	`maybe with apostrophes in between. Column names are cells, too. JSON in cells is right as it is.`

func manifestCSV(c Config) *ManifestCSV {
	m := &ManifestCSV{Delimiter: ",", BOM: c.CSV.BOM, LineEnding: "crlf", FormulaGuard: !c.RawCSV}
	if c.CSV.Delimiter != 0 {
		m.Delimiter = string(rune(c.CSV.Delimiter))
	}
	if c.CSV.LineFeed {
		m.LineEnding = "lf"
	}
	if m.FormulaGuard {
		m.Undo = undoGuard
	}
	return m
}

// MaxManifest is how many bytes a manifest may have to be read.
const MaxManifest = 4 << 20

// maxManifestValues is how many values a manifest may have.
const maxManifestValues = 1 << 17

// ParseManifest reads a manifest.yaml that may come from anywhere. Fields that
// this version does not know are passed over; none has to be there. Anchors,
// aliases, more than one document, more than [MaxManifest] bytes and very many
// values are refused, so that memory is bounded.
func ParseManifest(text []byte) (m Manifest, err error) {
	if len(text) > MaxManifest {
		return m, fmt.Errorf("export: manifest: more than %d bytes", MaxManifest)
	}
	b, err := record.YAMLToJSON(text, maxManifestValues)
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err != nil {
		return Manifest{}, fmt.Errorf("export: manifest: %w", err)
	}
	return m, nil
}
