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

// Spool keeps parts in a folder. It is durable: parts are there until they are
// deleted. It implements [export.Spool], [export.JobLister], [export.Checker],
// [export.FreeSpacer] and [export.Sweeper]. It is safe for concurrent use, by
// several processes too.
type Spool struct{ *folder }

// NewSpool opens a folder, which is made if there is none. What processes that
// have ended have left there is removed, but for sealed parts.
func NewSpool(path string) (*Spool, error) {
	f, err := openFolder(path)
	if err != nil {
		return nil, err
	}
	return &Spool{f}, nil
}

// Put implements [export.Spool]. The writer is buffered, and is of no use once
// write has returned.
func (s *Spool) Put(ctx context.Context, id export.PartID, write func(io.Writer) error) error {
	name, err := partName(id)
	if err != nil {
		return err
	}
	return s.put(ctx, name, write)
}

// Open implements [export.Spool]. What it returns is an [*os.File].
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
		// A process that was killed between a part and its folder has left it.
		// It is not removed unless it is empty, nor needed by who is about to put
		// something there: see rename.
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

// partName is the file of a part. No two parts have the same, because a number
// has no hyphen: the last two are those around the shard.
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

// parsePartName reads what partName has written, and only that.
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

func checkWord(what, word string) error {
	if word == "" || strings.Trim(word, wordAlphabet) != "" {
		return fmt.Errorf("dir: %s %q is not made of letters, digits, hyphens and underscores", what, word)
	}
	return nil
}
