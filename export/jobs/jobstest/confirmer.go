package jobstest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"testing"

	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

// MemConfirmer is a [MemDestination] that is a [jobs.Confirmer], as buckets are: it
// compares what was written with what arrives. Its zero value is ready for use.
type MemConfirmer struct {
	MemDestination

	// Way changes what is written on its way. Nil changes nothing. Set it before use.
	Way func(written []byte) []byte
}

// Confirms implements [jobs.Confirmer].
func (*MemConfirmer) Confirms() bool { return true }

// Put implements [jobs.Destination].
func (d *MemConfirmer) Put(ctx context.Context, key string, write func(io.Writer) error) error {
	return d.MemDestination.Put(ctx, key, func(w io.Writer) error {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			return err
		}
		sent := sha256.Sum256(b.Bytes())
		arrived := b.Bytes()
		if d.Way != nil {
			arrived = d.Way(arrived)
		}
		if sha256.Sum256(arrived) != sent {
			return errors.New("jobstest: other bytes have arrived than were written")
		}
		_, err := w.Write(arrived)
		return err
	})
}

// RunConfirmer checks a [jobs.Destination] that is a [jobs.Confirmer] against the
// documentation of that. newConfirmer returns an empty destination whose objects pass
// way before they are stored, as through a proxy that changes them: for each object, or
// for each piece of one, way gets the bytes as they were written. RunDestination checks
// the rest.
func RunConfirmer(t *testing.T, newConfirmer func(t testing.TB, way func(written []byte) []byte) jobs.Destination) {
	t.Helper()
	kittest.Run(t, confirmerPromises, func(*testing.T) makeConfirmer { return newConfirmer })
}

// makeConfirmer makes a destination whose objects pass way.
type makeConfirmer func(t testing.TB, way func(written []byte) []byte) jobs.Destination

var confirmerPromises = []kittest.Promise[makeConfirmer]{
	{"ConfirmsWhatArrivesWhole", confirmerConfirms},
	{"RefusesOtherBytes", confirmerRefuses},
}

const confirmed = "the bytes of an archive"

func putConfirmed(t testing.TB, d jobs.Destination) error {
	t.Helper()
	if !jobs.Confirms(d) {
		t.Fatal("Confirms gives false")
	}
	return d.Put(t.Context(), "org/job/1.zip", func(w io.Writer) error {
		_, err := io.WriteString(w, confirmed)
		return err
	})
}

func confirmerConfirms(t testing.TB, newConfirmer makeConfirmer) {
	d := newConfirmer(t, bytes.Clone)
	if err := putConfirmed(t, d); err != nil {
		t.Fatalf("Put: %v", err)
	}
	kittest.WantContent(t, d, "org/job/1.zip", confirmed)
}

// confirmerRefuses changes, cuts and lengthens what is written on its way.
func confirmerRefuses(t testing.TB, newConfirmer makeConfirmer) {
	for name, way := range map[string]func([]byte) []byte{
		"changed":   func(b []byte) []byte { return append([]byte{b[0] ^ 1}, b[1:]...) },
		"cut":       func(b []byte) []byte { return b[:len(b)-1] },
		"longer":    func(b []byte) []byte { return append(bytes.Clone(b), 0) },
		"exchanged": func(b []byte) []byte { return append([]byte{b[1], b[0]}, b[2:]...) },
	} {
		d := newConfirmer(t, way)
		if err := putConfirmed(t, d); err == nil {
			t.Errorf("Put gives no error for an object that was %s on its way", name)
		}
		kittest.WantList(t, d, "")
	}
}
