package export

// Status is how a section ended. It is derived from what the section did,
// never reported by it.
type Status string

// The statuses of a section.
const (
	StatusOK      Status = "ok"      // wrote something, nothing failed
	StatusEmpty   Status = "empty"   // wrote nothing, nothing failed
	StatusPartial Status = "partial" // wrote something, something failed or was skipped
	StatusError   Status = "error"   // wrote nothing, something failed or was skipped
)

// deriveStatus is the truth table of DESIGN: only what was written and
// whether anything went missing decide.
func deriveStatus(wrote, failed bool) Status {
	switch {
	case wrote && !failed:
		return StatusOK
	case wrote:
		return StatusPartial
	case !failed:
		return StatusEmpty
	default:
		return StatusError
	}
}

// SectionResult is the outcome of one section: a line of the inventory.
type SectionResult struct {
	Key      string `json:"key"`
	Status   Status `json:"status"`
	Records  int64  `json:"record_count"`
	Binaries int64  `json:"binary_count,omitempty"`

	// Error is the public text of what went wrong, empty if nothing did.
	Error string `json:"error,omitempty"`
}

// Result is the outcome of an export.
type Result struct {
	// Filename is the suggested name of the archive.
	Filename string

	// Size is the archive's length in bytes, SHA256 the digest of its bytes.
	Size   int64
	SHA256 [32]byte

	// Sections is the inventory, in the order of the archive.
	Sections []SectionResult
}
