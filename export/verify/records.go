package verify

import (
	"encoding/json"
	"fmt"
	"iter"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/record"
)

// Records reads the records of a record file one by one, as JSON: see
// [record.Read]. The sequence ends with the first error; the error of a file
// that is no record file, by its name, is a [*export.NameError]. A record is
// valid until the next one.
func Records(f *File) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		enc, err := export.EncodingOf(f.Name)
		if err != nil {
			yield(nil, fmt.Errorf("verify: %s: %w", f.Path, err))
			return
		}
		for record, err := range record.Read(f, enc) {
			if err != nil {
				err = fmt.Errorf("verify: %s: %w", f.Path, err)
			}
			if !yield(record, err) {
				return
			}
		}
	}
}
