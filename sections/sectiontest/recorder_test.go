package sectiontest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/record"
)

var errOops = errors.New("oops")

// yields is a sequence of records, and of errors.
func yields(list ...any) func(func(any, error) bool) {
	return func(yield func(any, error) bool) {
		for _, v := range list {
			err, _ := v.(error)
			if !yield(v, err) {
				return
			}
		}
	}
}

func TestRecorderKeepsCopies(t *testing.T) {
	r := &Recorder{}
	columns := []string{"id", "tags"}
	row := record.Row{Columns: columns, Values: []any{int64(1), []byte("a")}}
	err := r.Records("a.ndjson", func(yield func(any, error) bool) {
		if !yield(record.Row{Columns: columns}, nil) || !yield(row, nil) {
			return
		}
		row.Values[0], row.Values[1].([]byte)[0] = nil, 'b'
		yield(&row, nil)
		columns[0] = "gone"
	})
	if err != nil {
		t.Fatal(err)
	}
	c, ok := r.Find("a.ndjson")
	if !ok || c.Op != Records || !slices.Equal(c.Columns, []string{"id", "tags"}) {
		t.Errorf("found %v, %v", c, ok)
	}
	if got := fmt.Sprintf("%s", c.Records); got != `[{"id":1,"tags":"YQ=="} {"id":null,"tags":"Yg=="}]` {
		t.Errorf("records are %s", got)
	}
}

func TestRecorderErrors(t *testing.T) {
	r := &Recorder{}
	var name *export.NameError
	var encode *record.EncodeError
	var source *export.SourceError
	steps := []struct {
		call func() error
		want any // nil, an error, or where errors.As puts one
	}{
		{func() error { return r.Record("dir/a.yaml", struct{}{}) }, nil},
		{func() error { return r.Record("DIR/A.yaml", struct{}{}) }, &name},
		{func() error { return r.Record("dir/a.yaml/b.yaml", struct{}{}) }, &name},
		{func() error { return r.Binary("Dir", strings.NewReader("")) }, &name},
		{func() error { return r.Binary("../a", strings.NewReader("")) }, &name},
		{func() error { return r.Record("a.txt", struct{}{}) }, &name},
		{func() error { return r.Records("a.txt", yields()) }, &name},
		{func() error { return r.Record("b.json", make(chan int)) }, &encode},
		{func() error { return r.Record("b.json", text("{")) }, &encode},
		{func() error { return r.Record("b.json", record.Row{Columns: []string{"a"}}) }, &encode},
		{func() error { return r.Record("b.json", text("{}")) }, nil},
		{func() error { return r.Records("c.json", yields(struct{}{}, errOops, struct{}{})) }, errOops},
		{func() error { return r.Records("d.json", yields(struct{}{}, make(chan int), struct{}{})) }, nil},
		{func() error { return r.Binary("e", iotest.ErrReader(errOops)) }, &source},
		{func() error { return r.Binary("e", strings.NewReader("e")) }, nil},
	}
	for i, s := range steps {
		err := s.call()
		ok := err == nil
		switch want := s.want.(type) {
		case nil:
		case error:
			ok = errors.Is(err, want)
		default:
			ok = errors.As(err, want)
		}
		if !ok {
			t.Errorf("step %d: %v", i, err)
		}
	}
	if c, ok := r.Find("c.json"); !ok || len(c.Records) != 1 || c.Err == nil {
		t.Errorf("found %v, %v; want what came before the error", c, ok)
	}
	if c, ok := r.Find("d.json"); !ok || len(c.Records) != 2 {
		t.Errorf("found %v, %v; want all records but the one that cannot be encoded", c, ok)
	}
	if s := r.Skips(); len(s) != 1 || s[0].Name != "d.json, row 2" || !errors.As(s[0].Err, &encode) {
		t.Errorf("skipped %v", s)
	}
	if _, ok := r.Find("a.txt"); ok {
		t.Error("found a refused file")
	}
}

func TestFailAt(t *testing.T) {
	for n := 1; n <= 4; n++ {
		r := &Recorder{}
		r.FailAt(n, errOops)
		pulled := 0
		reader := strings.NewReader("abc")
		errs := []error{
			r.Record("a.yaml", struct{}{}),
			r.Records("b.yaml", func(yield func(any, error) bool) {
				for pulled++; yield(struct{}{}, nil); pulled++ {
					if pulled == 3 {
						return
					}
				}
			}),
			r.Binary("c", reader),
		}
		r.Skip("d", errOops)
		for i, err := range append(errs, r.Record("e.yaml", struct{}{})) {
			call := i + 1
			if i == 3 {
				call = 5
			}
			if failed := errors.Is(err, export.ErrSinkFailed) && errors.Is(err, errOops); failed != (call >= n) {
				t.Errorf("FailAt(%d): call %d returns %v", n, call, err)
			}
		}
		if want := map[int]int{1: 0, 2: 1}; n <= 2 && pulled != want[n] {
			t.Errorf("FailAt(%d): %d records were pulled", n, pulled)
		}
		if n == 3 && reader.Len() != 2 {
			t.Errorf("FailAt(3): %d bytes are left to read", reader.Len())
		}
	}
}

func TestRecorderEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	r := NewRecorder(ctx)
	err := r.Records("a.yaml", func(yield func(any, error) bool) {
		yield(struct{}{}, nil)
		cancel(errOops)
		yield(struct{}{}, nil)
	})
	for _, err := range []error{err, r.Record("b.yaml", struct{}{})} {
		if !errors.Is(err, export.ErrSinkFailed) || !errors.Is(err, errOops) {
			t.Errorf("call after the end returns %v", err)
		}
	}
}

func TestGolden(t *testing.T) {
	section := good(files)()
	file := filepath.Join(t.TempDir(), "testdata", "good.txt")
	if err := golden(t.Context(), section, ours, file, false); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a file: %v", err)
	}
	if err := golden(t.Context(), section, ours, file, true); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const want = `-- one.yaml (record) --
{"id":"ours0"}
-- many.csv (records) --
columns: ["id"]
{"id":"ours0"}
{"id":"ours1"}
{"id":"ours2"}
-- shared/a.bin (binary, 4 bytes, sha256 0967115f2813a3541eaef77de9d9d5773f1c0c04314b0bbfe4ff3b3b1c55b5d5) --
-- b.bin (binary, 1 bytes, sha256 ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb) --
-- (skipped) --
"nothing": The item could not be exported.
`
	if string(got) != want {
		t.Errorf("transcript is\n%s", got)
	}
	Golden(t, section, ours, file)
	if err := golden(t.Context(), section, theirs, file, false); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("with other data: %v", err)
	}
	failing := making(func(context.Context, export.Scope, export.Sink) error {
		return export.WithPublic(errOops, "It failed.")
	})
	if err := golden(t.Context(), failing(), ours, file, true); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "-- (error) --\nIt failed.\n" {
		t.Errorf("transcript of a failure is %q, %v", got, err)
	}
}
