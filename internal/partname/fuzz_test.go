package partname

import (
	"io/fs"
	"testing"

	"github.com/orgexport/orgexport/export"
)

// FuzzPartName looks for ids that share a file, or come back as others.
func FuzzPartName(f *testing.F) {
	f.Add("job", "products", 0, 1, "a-1-1.part")
	f.Add("job", "a-1", 2, 3, "a-01-1.part")
	f.Add("..", "-", 0, 0, "--1-0.part")
	f.Fuzz(func(t *testing.T, job, section string, shard, attempt int, file string) {
		id := export.PartID{JobID: job, Section: section, Shard: shard, Attempt: attempt}
		if name, err := Of(id); err == nil {
			if !fs.ValidPath(name) {
				t.Errorf("%+v has the name %q", id, name)
			}
			if got, ok := Parse(job, name[len(job)+1:]); !ok || got != id {
				t.Errorf("%+v comes back as %+v, %v", id, got, ok)
			}
		}
		if got, ok := Parse(job, file); ok {
			if name, err := Of(got); err != nil || name != job+"/"+file {
				t.Errorf("%q is read as %+v, whose name is %q, %v", file, got, name, err)
			}
		}
	})
}
