package export

import "time"

// ManifestRetry says in the archive of a retry which job ran each section. All sections
// have the as_of of the job that was retried, but not all were read soon after it.
type ManifestRetry struct {
	// Of is the id of the job that was retried.
	Of string `json:"of"`

	// Sections are in the order of the archive.
	Sections []ManifestOrigin `json:"sections"`
}

// ManifestOrigin says which job ran a section.
type ManifestOrigin struct {
	Key string `json:"key"`

	// Job is the id of the job that ran the section: the one that made the archive, or an
	// earlier one, of which the section was taken over as it was.
	Job string `json:"job"`

	// RequestedAt is when that job was requested, in RFC 3339, UTC. The section was read
	// after that. It is empty if the section is of a program that did not note it.
	RequestedAt string `json:"requested_at,omitempty"`
}

// newManifestRetry returns what the manifest of a retry has, or nil if this is none.
func (x *run) newManifestRetry() *ManifestRetry {
	if x.RetryOf == "" {
		return nil
	}
	return &ManifestRetry{Of: x.RetryOf, Sections: make([]ManifestOrigin, 0, len(x.sections))}
}

// add adds the origin of a section. m may be nil.
func (m *ManifestRetry) add(id PartID, section sealedResult) {
	if m == nil {
		return
	}
	origin := ManifestOrigin{Key: id.Section, Job: id.JobID}
	if section.RequestedAt != 0 {
		origin.RequestedAt = time.Unix(section.RequestedAt, 0).UTC().Format(time.RFC3339)
	}
	m.Sections = append(m.Sections, origin)
}
