package dir

import (
	"context"
	"fmt"
	"io"
	"io/fs"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/internal/partname"
)

// Spool keeps parts in a folder. It is durable: a part stays until it is deleted. It
// implements [export.Spool], [export.JobLister], [export.Checker],
// [export.FreeSpacer] and [export.Sweeper]. It is safe for concurrent use, and
// several processes may use one folder. Make one with [NewSpool].
type Spool struct{ *folder }

// NewSpool opens a folder, or makes it. It removes temporary files that dead processes
// left there; sealed parts stay. Close the Spool after use.
func NewSpool(path string) (*Spool, error) {
	f, err := openFolder(path)
	if err != nil {
		return nil, err
	}
	return &Spool{f}, nil
}

// Put implements [export.Spool]. The writer that write gets is buffered, and must not
// be used after write has returned.
func (s *Spool) Put(ctx context.Context, id export.PartID, write func(io.Writer) error) error {
	name, err := partName(id)
	if err != nil {
		return err
	}
	return s.put(ctx, name, write)
}

// Open implements [export.Spool]. It returns an [*os.File].
func (s *Spool) Open(ctx context.Context, id export.PartID) (io.ReadSeekCloser, error) {
	name, err := partName(id)
	if err := ready(ctx, err); err != nil {
		return nil, err
	}
	return s.open(name)
}

// Delete implements [export.Spool].
func (s *Spool) Delete(ctx context.Context, id export.PartID) error {
	name, err := partName(id)
	if err := ready(ctx, err); err != nil {
		return err
	}
	return s.remove(name)
}

// List implements [export.Spool].
func (s *Spool) List(ctx context.Context, jobID string) ([]export.PartID, error) {
	if err := ready(ctx, checkJob(jobID)); err != nil {
		return nil, err
	}
	entries, err := fs.ReadDir(s.root.FS(), jobID)
	if isMissing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("dir: list: %w", err)
	}
	var ids []export.PartID
	for _, e := range entries {
		if id, ok := partname.Parse(jobID, e.Name()); ok && e.Type().IsRegular() {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		// A process may have been killed after it removed the last part and
		// before it removed the folder. Remove does nothing if there are files,
		// and a Put that is under way makes the folder again: see rename.
		_ = s.root.Remove(jobID)
	}
	return ids, nil
}

// Jobs implements [export.JobLister].
func (s *Spool) Jobs(ctx context.Context) ([]string, error) {
	entries, err := fs.ReadDir(s.root.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("dir: list: %w", err)
	}
	var ids []string
	for _, e := range entries {
		if !e.IsDir() || checkJob(e.Name()) != nil {
			continue
		}
		parts, err := s.List(ctx, e.Name())
		if err != nil {
			return nil, err
		}
		if len(parts) > 0 {
			ids = append(ids, e.Name())
		}
	}
	return ids, nil
}

// partName returns the path of a part's file.
func partName(id export.PartID) (string, error) {
	name, err := partname.Of(id)
	if err != nil {
		return "", fmt.Errorf("dir: %w", err)
	}
	return name, nil
}

// checkJob returns an error if a job id cannot be the name of a folder.
func checkJob(id string) error {
	if err := partname.CheckWord("job id", id); err != nil {
		return fmt.Errorf("dir: %w", err)
	}
	return nil
}
