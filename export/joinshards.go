package export

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export/record"
)

// shards are the parts of a section that was split, as they are joined.
type shards struct {
	run   *run
	key   string
	parts []shardPart
	sums  *archive.Scratch // the lines of the files that are whole, of all parts
}

// shardPart is the part of a shard.
type shardPart struct {
	id     PartID
	tails  int64 // where they begin in the part
	result sealedResult
}

// joinShards appends the parts of a section that was split: first the files that go on over its
// shards, then those that are whole, shard by shard, and at last the engine's own lists.
func (x *run) joinShards(ctx context.Context, ids []PartID, j archive.Joiner, sums io.Writer) (sealedResult, error) {
	s, err := x.openShards(ctx, ids)
	if err != nil {
		return sealedResult{}, err
	}
	defer s.sums.Close()
	err = s.joinPieces(ctx, j, false, sums)
	if err == nil {
		err = s.joinFiles(ctx, j)
	}
	if err == nil {
		_, err = s.sums.WriteTo(sums)
	}
	if err == nil {
		err = s.joinPieces(ctx, j, true, sums)
	}
	return s.result(), err
}

// openShards reads what the parts say of themselves.
func (x *run) openShards(ctx context.Context, ids []PartID) (*shards, error) {
	s := &shards{run: x, key: ids[0].Section, sums: archive.NewScratch(x.engine.config.Scratch)}
	limit, used := x.engine.config.limits(s.key).MaxBytes, int64(0)
	for _, id := range ids {
		part, err := s.open(ctx, id, limit, &used)
		if err != nil {
			s.sums.Close()
			return nil, partError(id, err)
		}
		s.parts = append(s.parts, part)
	}
	return s, nil
}

// open reads what a part says of itself. If the section is too large with it, nothing of it and of
// those behind it is joined.
func (s *shards) open(ctx context.Context, id PartID, limit int64, used *int64) (part shardPart, err error) {
	p, err := openPart(ctx, s.run.engine.config.Spool, id, s.run.digest(id.Section))
	if err != nil {
		return part, err
	}
	defer p.close()
	part.id, part.tails = id, p.sizes[0]
	result, err := p.result()
	if err != nil {
		return part, err
	}
	*used += result.Used
	if limit < 0 || *used <= limit {
		part.result, err = p.end(s.sums)
		return part, err
	}
	part.result, err = p.end(io.Discard)
	part.result.Records, part.result.Binaries, part.result.Skipped, part.result.Chunks = 0, 0, 0, nil
	part.result.Failure = PublicText(tooLarge("section", limit))
	return part, err
}

// result is that of the section.
func (s *shards) result() sealedResult {
	all := s.parts[0].result
	results := make([]sealedResult, len(s.parts))
	for i, part := range s.parts {
		r := part.result
		results[i] = r
		if r.Moment != all.Moment {
			all.Moment = ""
		}
		if r.ReadAt.Before(all.ReadAt) {
			all.ReadAt = r.ReadAt
		}
	}
	all.SectionResult, all.Chunks = mergeResults(results), nil
	return all
}

// mergeResults returns the result of a section by those of its shards.
func mergeResults(shards []sealedResult) SectionResult {
	all := SectionResult{Key: shards[0].Key}
	var skipped int64
	for _, r := range shards {
		all.Records += r.Records
		all.Binaries += r.Binaries
		skipped += r.Skipped
		if all.Error == "" {
			all.Error = r.Failure
		}
	}
	all.finish(all.Error != "", skipped)
	return all
}

// names returns the names of the files that have pieces, or of the lists, in the order in which
// they come first.
func (s *shards) names(lists bool) []string {
	var names []string
	seen := make(map[string]bool)
	for _, part := range s.parts {
		for _, k := range part.result.Chunks {
			if k.Name != "" && k.List == lists && !seen[k.Name] {
				seen[k.Name] = true
				names = append(names, k.Name)
			}
		}
	}
	return names
}

// joinPieces appends the files that have pieces, or the lists.
func (s *shards) joinPieces(ctx context.Context, j archive.Joiner, lists bool, sums io.Writer) error {
	for _, name := range s.names(lists) {
		var from PartID // the part that is being read
		sources, err := s.sources(ctx, name, &from)
		if err != nil {
			return err
		}
		path := s.key + "/" + name
		file, err := j.File(archive.Entry{Name: s.run.top + "/" + path, ModTime: s.run.AsOf}, sources)
		if err != nil {
			return partError(from, err)
		}
		if err := writeSum(sums, file.SHA256, path); err != nil {
			return err
		}
	}
	return nil
}

// sources returns what a file is made of: its pieces, and the texts around them.
func (s *shards) sources(ctx context.Context, name string, from *PartID) ([]archive.PieceSource, error) {
	var sources []archive.PieceSource
	for _, part := range s.parts {
		i := slices.IndexFunc(part.result.Chunks, func(k chunk) bool { return k.Name == name })
		if i < 0 {
			continue
		}
		k := part.result.Chunks[i]
		sources = append(sources, archive.PieceSource{Piece: k.Piece, Open: func() (body, tail io.Reader, done func(), err error) {
			*from = part.id
			return s.openChunk(ctx, part, k)
		}})
	}
	texts, err := s.frame(name)
	if err != nil {
		return nil, fmt.Errorf("export: section %q: %w", s.key, err)
	}
	sources = append(sources, archive.PieceSource{})
	for i, text := range texts {
		sources[i].Text = []byte(text)
	}
	return sources, nil
}

// frame returns the texts around the pieces of a file.
func (s *shards) frame(name string) ([]string, error) {
	var pieces []record.Piece
	for _, part := range s.parts {
		for _, k := range part.result.Chunks {
			if k.Name == name {
				pieces = append(pieces, k.Frame)
			}
		}
	}
	enc, _ := record.EncodingOf(name) // it was one when the piece was made
	return record.Frame(enc, pieces)
}

// openChunk opens the body and the tail of a chunk.
func (s *shards) openChunk(ctx context.Context, part shardPart, k chunk) (body, tail io.Reader, done func(), err error) {
	var opened []io.Closer
	done = func() {
		for _, c := range opened {
			_ = c.Close() // it was only read
		}
	}
	open := func(at, size int64) io.Reader {
		if err != nil {
			return nil
		}
		var r io.ReadSeekCloser
		if r, err = s.run.engine.config.Spool.Open(ctx, part.id); err != nil {
			return nil
		}
		opened = append(opened, r)
		_, err = r.Seek(at, io.SeekStart)
		return io.LimitReader(r, size)
	}
	body, tail = open(k.Body, k.BodySize), open(part.tails+k.Tail, k.TailSize)
	if err != nil {
		done()
		return nil, nil, nil, err
	}
	return body, tail, done, nil
}

// joinFiles appends the files that are whole.
func (s *shards) joinFiles(ctx context.Context, j archive.Joiner) error {
	for _, part := range s.parts {
		for _, k := range part.result.Chunks {
			if k.Name != "" {
				continue
			}
			body, tail, done, err := s.openChunk(ctx, part, k)
			if err == nil {
				err = j.Part(body, tail)
				done()
			}
			if err != nil {
				return partError(part.id, err)
			}
		}
	}
	return nil
}

// check returns why the parts cannot be one section, or nil: two shards have files of one name, or
// the pieces of a .csv file have different headers. An error is one of reading them.
func (s *shards) check() (why, err error) {
	names := newNameIndex(s.run.engine.config.Scratch)
	defer names.close()
	for _, name := range s.names(false) {
		if _, why := s.frame(name); why != nil {
			return why, nil
		}
		if why, err := asNameError(names.add(name)); why != nil || err != nil {
			return why, err
		}
	}
	lines := bufio.NewScanner(io.NewSectionReader(s.sums, 0, s.sums.Size()))
	for lines.Scan() {
		_, path, _ := strings.Cut(lines.Text(), "  ")
		if why, err := asNameError(names.add(strings.TrimPrefix(path, s.key+"/"))); why != nil || err != nil {
			return why, err
		}
	}
	return nil, lines.Err()
}

// asNameError tells a name that is taken from an error of the index.
func asNameError(err error) (why, other error) {
	if _, taken := errors.AsType[*NameError](err); taken {
		return err, nil
	}
	return nil, err
}

// Unjoinable returns the key of a section whose shards have parts that cannot be one section,
// because two of them have a file of one name, or .csv files have different headers; or an empty
// key. Such a section is exported as a whole: see [Shard.Whole]. parts are all that there are.
func (s *Sealer) Unjoinable(ctx context.Context, parts []PartID) (section string, err error) {
	x := s.run
	for _, section := range x.sections {
		ids := sortedParts(parts, section.Key())
		if len(ids) < 2 {
			continue
		}
		why, err := x.whyUnjoinable(ctx, ids)
		if err != nil {
			return "", err
		}
		if why != nil {
			x.engine.config.Logger.WarnContext(ctx, "a section is exported as a whole, because its shards cannot be joined",
				"job", x.JobID, "organization", x.Organization.ID, "section", section.Key(), "error", LogText(why))
			return section.Key(), nil
		}
	}
	return "", nil
}

func (x *run) whyUnjoinable(ctx context.Context, ids []PartID) (why, err error) {
	s, err := x.openShards(ctx, ids)
	if err != nil {
		return nil, err
	}
	defer s.sums.Close()
	return s.check()
}
