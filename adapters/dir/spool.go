package dir

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"github.com/orgexport/orgexport/export"
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
	if err := ready(ctx, checkWord("job id", jobID)); err != nil {
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
		if id, ok := parsePartName(jobID, e.Name()); ok && e.Type().IsRegular() {
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
		if !e.IsDir() || checkWord("job id", e.Name()) != nil {
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

const partSuffix = ".part"

// partName returns the path of a part's file. Parts have different paths: the section
// may have hyphens, but shard and attempt have none, and stand behind the last two.
func partName(id export.PartID) (string, error) {
	if err := checkWord("job id", id.JobID); err != nil {
		return "", err
	}
	if err := checkWord("section", id.Section); err != nil {
		return "", err
	}
	if id.Shard < 0 || id.Attempt < 0 {
		return "", fmt.Errorf("dir: shard %d, attempt %d: negative", id.Shard, id.Attempt)
	}
	return fmt.Sprintf("%s/%s-%d-%d%s", id.JobID, id.Section, id.Shard, id.Attempt, partSuffix), nil
}

// parsePartName is the opposite of partName. It reports false for names that partName
// does not make.
func parsePartName(jobID, name string) (export.PartID, bool) {
	fields := strings.Split(strings.TrimSuffix(name, partSuffix), "-")
	if len(fields) < 3 {
		return export.PartID{}, false
	}
	n := len(fields)
	shard, err1 := strconv.Atoi(fields[n-2])
	attempt, err2 := strconv.Atoi(fields[n-1])
	id := export.PartID{JobID: jobID, Section: strings.Join(fields[:n-2], "-"), Shard: shard, Attempt: attempt}
	again, err := partName(id)
	return id, err1 == nil && err2 == nil && err == nil && again == jobID+"/"+name
}

// checkWord returns an error if a job id or section key cannot be part of a path. what
// names it in the error.
func checkWord(what, word string) error {
	if word == "" || strings.Trim(word, wordAlphabet) != "" {
		return fmt.Errorf("dir: %s %q is not made of letters, digits, hyphens and underscores", what, word)
	}
	return nil
}
