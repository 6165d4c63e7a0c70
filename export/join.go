package export

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export/record"
)

// Names of the engine's files below the archive's top folder.
const (
	manifestFile = "manifest.yaml"
	sumsFile     = "SHA256SUMS"
)

// join writes the archive. ready is called before each part is opened; with
// drop, parts are deleted as soon as they are in the archive.
func (x *run) join(ctx context.Context, dst io.Writer, ready func(key string) error, drop bool) (Result, error) {
	out := &archiveWriter{dst: dst, digest: sha256.New(), max: x.engine.config.MaxArchiveBytes}
	result := Result{Filename: x.top + "." + x.Format.Extension(), Sections: make([]SectionResult, 0, len(x.sections))}
	retry := x.newManifestRetry()
	sums := archive.NewScratch(x.engine.config.Scratch)
	defer sums.Close()
	var read readings
	err := x.Format.Join(ctx, out, x.packing(), func(j archive.Joiner) error {
		for _, s := range x.sections {
			if err := ready(s.Key()); err != nil {
				return err
			}
			ids := x.partsToJoin(s.Key())
			section, err := x.joinSection(ctx, ids, j, sums)
			if err != nil {
				return err
			}
			result.Sections = append(result.Sections, section.SectionResult)
			read.add(s, section)
			retry.add(ids[0], section)
			if !drop {
				continue
			}
			if err := x.dropSection(ctx, s.Key()); err != nil {
				return err
			}
		}
		consistency := read.consistency()
		if x.engine.config.Consistency == ConsistencyRequired && !consistency.Consistent {
			return &ConsistencyError{Err: errManyMoments}
		}
		return x.joinInventory(ctx, j, result.Sections, consistency, retry, sums)
	})
	if err != nil {
		return Result{}, err
	}
	result.Size = out.size
	out.digest.Sum(result.SHA256[:0])
	return result, nil
}

// partsToJoin returns the parts of a section: those that there are, or the one that this attempt
// makes.
func (x *run) partsToJoin(section string) []PartID {
	if parts := x.partsOf(section); len(parts) > 0 {
		return parts
	}
	return []PartID{x.newPart(Shard{Section: section})}
}

func (x *run) joinSection(ctx context.Context, ids []PartID, j archive.Joiner, sums io.Writer) (sealedResult, error) {
	if len(ids) > 1 {
		return x.joinShards(ctx, ids, j, sums)
	}
	return x.joinPart(ctx, ids[0], j, sums)
}

func (x *run) joinPart(ctx context.Context, id PartID, j archive.Joiner, sums io.Writer) (sealedResult, error) {
	p, err := openPart(ctx, x.engine.config.Spool, id, x.digest(id.Section))
	if err != nil {
		return sealedResult{}, partError(id, err)
	}
	defer p.close()
	result, err := p.join(j, sums)
	return result, partError(id, err)
}

// partError names the part if err means that it has to be made again.
func partError(id PartID, err error) error {
	if errors.Is(err, archive.ErrPart) || errors.Is(err, ErrNotFound) {
		return &PartError{id, err}
	}
	return err
}

// Bound returns how many bytes the archive of a request can have at most, by the sizes of its
// parts. The error matches [*PartError] if a part cannot be opened.
func (e *Engine) Bound(ctx context.Context, r Request) (int64, error) {
	// The list of sums is in the parts as it is, and is packed in the archive. Offsets in the
	// directory of a zip may take more there.
	most := int64(64 << 20)
	for _, id := range r.Parts {
		size, err := partSize(ctx, e.config.Spool, id)
		if err != nil {
			return 0, partError(id, err)
		}
		most += size + size/8
	}
	return most, nil
}

func partSize(ctx context.Context, spool Spool, id PartID) (int64, error) {
	r, err := spool.Open(ctx, id)
	if err != nil {
		return 0, err
	}
	size, err := r.Seek(0, io.SeekEnd)
	return size, errors.Join(err, r.Close())
}

// joinInventory packs the manifest and the list of sums as the last part.
func (x *run) joinInventory(
	ctx context.Context, j archive.Joiner, sections []SectionResult, consistency Consistency, retry *ManifestRetry, sums *archive.Scratch,
) error {
	body, tail := archive.NewScratch(x.engine.config.Scratch), archive.NewScratch(x.engine.config.Scratch)
	defer body.Close()
	defer tail.Close()
	manifest, err := record.Encode(manifestFile, record.YAML, Manifest{
		FormatVersion: FormatVersion,
		Organization:  ManifestOrganization(x.Organization),
		Job:           x.JobID,
		AsOf:          x.AsOf.Format(time.RFC3339),
		Consistency:   consistency,
		Retry:         retry,
		CSV:           manifestCSV(x.engine.config),
		Sections:      sections,
	}, record.Options{})
	if err != nil {
		return err
	}
	err = x.Format.Pack(ctx, body, tail, x.packing(), func(p archive.Packer) error {
		add := func(name string, content io.Reader) (archive.File, error) {
			return p.Add(ctx, archive.Entry{Name: x.top + "/" + name, ModTime: x.AsOf}, content)
		}
		file, err := add(manifestFile, bytes.NewReader(manifest))
		if err != nil {
			return err
		}
		if err := writeSum(sums, file.SHA256, manifestFile); err != nil {
			return err
		}
		_, err = add(sumsFile, io.NewSectionReader(sums, 0, sums.Size()))
		return err
	})
	if err != nil {
		return err
	}
	return j.Part(io.NewSectionReader(body, 0, body.Size()), io.NewSectionReader(tail, 0, tail.Size()))
}

// archiveWriter counts and sums the archive and keeps its limit.
type archiveWriter struct {
	dst    io.Writer
	digest hash.Hash
	size   int64
	max    int64
}

func (w *archiveWriter) Write(p []byte) (int, error) {
	if w.max >= 0 && w.size+int64(len(p)) > w.max {
		return 0, tooLarge("export", w.max)
	}
	hashed := w.hash(p)
	n, err := w.dst.Write(p)
	hashed()
	w.size += int64(n)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return n, fmt.Errorf("export: write archive: %w", err)
	}
	return n, nil
}

// hash begins to hash p and returns what waits for its end. After a write that failed the
// digest is of no use.
func (w *archiveWriter) hash(p []byte) (wait func()) {
	const large = 64 << 10 // so that it is worth a goroutine
	if len(p) < large {
		w.digest.Write(p)
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.digest.Write(p)
	}()
	return func() { <-done }
}
