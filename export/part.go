package export

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"sync/atomic"
	"time"

	"github.com/orgexport/orgexport/archive"
)

// A sealed part in the spool is one stream:
//
//	body     as package archive packs it
//	tail     likewise; both check themselves
//	sums     the part's lines of SHA256SUMS
//	result   the section's result in JSON: see sealedResult
//	footer   magic and version, the four lengths, the digest of what the part was
//	         made by, CRC-32C of sums, result and the footer's fields before
//
// The last byte of the magic is the version. It must be raised by a change of this layout,
// and of what an encoder writes: then parts of an older version are made again, so that
// all of an archive has one form.
const partMagic = "oxsp\x00\x00\x00\x04"

const partFooterSize = len(partMagic) + 4*8 + sha256.Size + 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// quota bounds what the bodies of an export's parts take together: they are the
// archive, so that one which would become too large does not fill the spool
// first.
type quota struct {
	max  int64 // negative: no limit
	used atomic.Int64
}

func (q *quota) take(n int) error {
	if used := q.used.Add(int64(n)); q.max >= 0 && used > q.max {
		return tooLarge("export", q.max)
	}
	return nil
}

// partWriter counts the body while it is written and seals the part.
type partWriter struct {
	w      io.Writer
	n      int64
	taken  int64 // of the quota
	quota  *quota
	digest [sha256.Size]byte // see run.digest
}

func (p *partWriter) Write(b []byte) (int, error) {
	p.taken += int64(len(b))
	if err := p.quota.take(len(b)); err != nil {
		return 0, err
	}
	n, err := p.w.Write(b)
	p.n += int64(n)
	return n, err
}

// sealedResult is what the end of a part tells of its section.
type sealedResult struct {
	SectionResult

	// What follows is that of a shard: its chunks, and what the result of the section is made of.
	Shard   int     `json:"shard,omitempty"` // its number
	Chunks  []chunk `json:"chunks,omitempty"`
	Failure string  `json:"failure,omitempty"`
	Skipped int64   `json:"skipped,omitempty"`
	Used    int64   `json:"used,omitempty"` // of MaxSectionBytes

	// RequestedAt is [Request.RequestedAt] of the job that ran the section, in Unix time. It is
	// 0 in parts of programs that did not know it.
	RequestedAt int64 `json:"requested_at,omitempty"`

	// Moment is that of the snapshot that the section has read; empty if it has read none,
	// or not only that.
	Moment string `json:"moment,omitempty"`

	// ReadAt is when the snapshot was opened or, without one, when the section began. It is
	// zero if the section could read none.
	ReadAt time.Time `json:"read_at,omitzero"`
}

// seal writes all that follows the body.
func (p *partWriter) seal(tail, sums *archive.Scratch, result sealedResult) error {
	meta, err := json.Marshal(result)
	if err != nil {
		return err
	}
	body := p.n
	if _, err := tail.WriteTo(p.w); err != nil {
		return err
	}
	sum := crc32.New(castagnoli)
	w := io.MultiWriter(p.w, sum)
	if _, err := sums.WriteTo(w); err != nil {
		return err
	}
	if _, err := w.Write(meta); err != nil {
		return err
	}
	footer := []byte(partMagic)
	for _, n := range []int64{body, tail.Size(), sums.Size(), int64(len(meta))} {
		footer = binary.LittleEndian.AppendUint64(footer, uint64(n))
	}
	footer = append(footer, p.digest[:]...)
	if _, err := w.Write(footer); err != nil {
		return err
	}
	_, err = p.w.Write(binary.LittleEndian.AppendUint32(nil, sum.Sum32()))
	return err
}

// part is a sealed part opened for joining: two independent readers, because
// joining reads body and tail by turns.
type part struct {
	id     PartID
	body   io.ReadSeekCloser
	tail   io.ReadSeekCloser
	sizes  [4]int64 // body, tail, sums, result
	footer []byte
}

// openPart opens a part and reads its footer. The error matches
// [archive.ErrPart] if it is not whole, of another version or of another digest.
func openPart(ctx context.Context, spool Spool, id PartID, digest [sha256.Size]byte) (_ *part, err error) {
	p := &part{id: id}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if p.body, err = spool.Open(ctx, id); err != nil {
		return nil, err
	}
	if p.tail, err = spool.Open(ctx, id); err != nil {
		return nil, err
	}
	end, err := p.tail.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	if end < int64(partFooterSize) {
		return nil, p.refuse("it is cut")
	}
	if _, err = p.tail.Seek(-int64(partFooterSize), io.SeekEnd); err != nil {
		return nil, err
	}
	p.footer = make([]byte, partFooterSize)
	if _, err = io.ReadFull(p.tail, p.footer); err != nil {
		return nil, err
	}
	if err = p.check(end-int64(partFooterSize), digest); err != nil {
		return nil, err
	}
	return p, nil
}

// check reports whether the footer is one of this version and digest, and fits the bytes
// before it.
func (p *part) check(rest int64, digest [sha256.Size]byte) error {
	if string(p.footer[:len(partMagic)]) != partMagic {
		return p.refuse("no part of this version")
	}
	for i := range p.sizes {
		p.sizes[i] = int64(binary.LittleEndian.Uint64(p.footer[len(partMagic)+8*i:]))
		if p.sizes[i] < 0 || p.sizes[i] > rest {
			return p.refuse("its lengths do not fit")
		}
		rest -= p.sizes[i]
	}
	if rest != 0 {
		return p.refuse("its lengths do not fit")
	}
	if !bytes.HasPrefix(p.footer[len(partMagic)+8*len(p.sizes):], digest[:]) {
		return p.refuse("it was made by another configuration")
	}
	return nil
}

// join appends the part to the archive and its sums to sums, and returns the
// section's result.
func (p *part) join(j archive.Joiner, sums io.Writer) (sealedResult, error) {
	var result sealedResult
	if _, err := p.tail.Seek(p.sizes[0], io.SeekStart); err != nil {
		return result, err
	}
	if err := j.Part(p.body, io.LimitReader(p.tail, p.sizes[1])); err != nil {
		return result, err
	}
	return p.end(sums)
}

// end appends the part's sums to sums, and returns the section's result.
func (p *part) end(sums io.Writer) (sealedResult, error) {
	var result sealedResult
	if _, err := p.tail.Seek(p.sizes[0]+p.sizes[1], io.SeekStart); err != nil {
		return result, err
	}
	sum := crc32.New(castagnoli)
	in := io.TeeReader(p.tail, sum)
	if _, err := io.CopyN(sums, in, p.sizes[2]); err != nil {
		return result, err
	}
	meta := make([]byte, p.sizes[3])
	if _, err := io.ReadFull(in, meta); err != nil {
		return result, err
	}
	fields := p.footer[:partFooterSize-4]
	sum.Write(fields)
	if sum.Sum32() != binary.LittleEndian.Uint32(p.footer[len(fields):]) {
		return result, p.refuse("it has changed")
	}
	err := p.decode(meta, &result)
	return result, err
}

// result reads the section's result alone. That it has not changed is not checked.
func (p *part) result() (sealedResult, error) {
	var result sealedResult
	if _, err := p.tail.Seek(p.sizes[0]+p.sizes[1]+p.sizes[2], io.SeekStart); err != nil {
		return result, err
	}
	meta := make([]byte, p.sizes[3])
	if _, err := io.ReadFull(p.tail, meta); err != nil {
		return result, err
	}
	err := p.decode(meta, &result)
	return result, err
}

// decode reads a result in JSON. Parts of the shards of a section have equal digests: which of them a
// part is, its result says.
func (p *part) decode(meta []byte, result *sealedResult) error {
	if err := json.Unmarshal(meta, result); err != nil {
		return p.refuse("its result is not readable")
	}
	if result.Shard != p.id.Shard {
		return p.refuse("it is of another shard")
	}
	return nil
}

func (p *part) refuse(why string) error {
	return fmt.Errorf("%w: section %q: %s", archive.ErrPart, p.id.Section, why)
}

// close ends reading, so that there is nothing to lose.
func (p *part) close() {
	if p.body != nil {
		_ = p.body.Close()
	}
	if p.tail != nil {
		_ = p.tail.Close()
	}
}
