package export

import (
	"strings"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export/record"
)

// notesFile is the engine's own file that lists what [Note] says.
const notesFile = "_notes.ndjson"

// Note tells the customer something about an item that was exported, such as that a file was
// still growing. ref says which item it is: a file by its name in the archive. The section's
// _notes.ndjson lists both, cut and counted like those of [Sink.Skip]; its status stays as it
// is. A sink that keeps no notes ignores it.
func Note(sink Sink, ref, text string) {
	if s, ok := sink.(interface{ Note(ref, text string) }); ok {
		s.Note(ref, text)
	}
}

// Note serves the function [Note].
func (s *sink) Note(ref, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		_ = s.listLocked(s.notes, notesFile, "note", ref, text)
	}
}

// listLocked adds a line to one of the engine's own lists. If that fails, or the section has
// no room for the line, the sink fails.
func (s *sink) listLocked(list *archive.Scratch, file, column, ref, text string) error {
	line, err := record.Encode(file, record.NDJSON, record.Row{
		Columns: []string{"ref", column},
		Values:  []any{listed(ref), listed(text)},
	}, record.Options{})
	if err != nil {
		return s.failLocked(err, true)
	}
	if err := s.takeLocked(listCost(list, line)); err != nil {
		return s.failLocked(err, false)
	}
	if _, err := list.Write(line); err != nil {
		return s.failLocked(err, true)
	}
	return nil
}

// listCost is what a line of a list counts towards the limit: the first one makes the file.
func listCost(list *archive.Scratch, line []byte) int64 {
	cost := int64(len(line))
	if list.Size() == 0 {
		cost += fileOverhead
	}
	return cost
}

// listed returns a text as it stands in a list.
func listed(text string) string { return shorten(strings.ToValidUTF8(shorten(text), "\uFFFD")) }
