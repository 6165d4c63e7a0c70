package verify_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export/verify"
)

// boxed is a format as another module may have it: an archive of ours behind a
// long line of its own.
type boxed struct{ archive.Format }

const boxMagic = "this is a box, and what is in it follows this line\n"

func (boxed) Name() string      { return "box" }
func (boxed) Extension() string { return "box" }
func (boxed) MediaType() string { return "application/x-box" }
func (boxed) Magic() []string   { return []string{boxMagic} }

func (b boxed) Join(ctx context.Context, dst io.Writer, o archive.Options, fn func(archive.Joiner) error) error {
	if _, err := io.WriteString(dst, boxMagic); err != nil {
		return err
	}
	return b.Format.Join(ctx, dst, o, fn)
}

func (b boxed) NewReader(src io.Reader, o archive.ReadOptions) (archive.Reader, error) {
	if _, err := io.CopyN(io.Discard, src, int64(len(boxMagic))); err != nil {
		return nil, err
	}
	return b.Format.NewReader(src, o)
}

// TestDetect finds each format among the others, also one that this module does
// not have.
func TestDetect(t *testing.T) {
	formats := append(slices.Clip(formats), boxed{archive.TarGz()})
	for _, f := range formats {
		b := small(t, f)
		for _, src := range []io.Reader{bytes.NewReader(b), iotest.OneByteReader(bytes.NewReader(b))} {
			got, src, err := verify.Detect(src, formats...)
			if err != nil || got.Name() != f.Name() {
				t.Fatalf("%s is %v, %v", f.Name(), got, err)
			}
			if r := checkWith(t, got, src, archive.ReadOptions{}); !r.Whole() {
				t.Errorf("%s: %+v", f.Name(), r.Findings)
			}
		}
		if _, _, err := verify.Detect(bytes.NewReader(b)); !errors.Is(err, verify.ErrFormat) {
			t.Errorf("no formats: %v", err)
		}
	}
	for _, text := range []string{"", "P", "PK\x03", "hello, world", boxMagic[:len(boxMagic)-1]} {
		if _, _, err := verify.Detect(strings.NewReader(text), formats...); !errors.Is(err, verify.ErrFormat) {
			t.Errorf("%q: %v", text, err)
		}
	}
	boom := errors.New("boom")
	if _, _, err := verify.Detect(iotest.ErrReader(boom), formats...); !errors.Is(err, boom) {
		t.Errorf("source fails: %v", err)
	}
}
