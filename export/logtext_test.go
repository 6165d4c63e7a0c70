package export_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/record"
)

// jane is what no log may have.
const jane = "jane.doe@example.com"

// stateError is an error as drivers of PostgreSQL have it.
type stateError string

func (e stateError) Error() string    { return "ERROR: invalid " + jane + " (SQLSTATE " + string(e) + ")" }
func (e stateError) SQLState() string { return string(e) }

// quoter wraps an error in words of its own.
type quoter struct{ error }

func (q quoter) Error() string { return "driver of " + jane }
func (q quoter) Unwrap() error { return q.error }

func numError() error   { _, err := strconv.Atoi(jane); return err }
func timeError() error  { _, err := time.Parse(time.RFC3339, jane); return err }
func floatError() error { _, err := json.Marshal(map[string]any{jane: func() {}}); return err }
func typeError() error  { return json.Unmarshal([]byte(`{"a":"`+jane+`"}`), &struct{ A int }{}) }

func TestLogText(t *testing.T) {
	missing := &fs.PathError{Op: "open", Path: jane, Err: syscall.ENOENT}
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{errors.New("what code says"), "what code says"},
		{fmt.Errorf("orders: %w", io.ErrUnexpectedEOF), "orders: unexpected EOF"},
		{fmt.Errorf("orders: %w, again", stateError("22P02")), "orders: the message may quote data (SQLSTATE 22P02), again"},
		{stateError("42P01"), "the message may quote data (SQLSTATE 42P01)"},
		{stateError(""), "the message may quote data (SQLSTATE )"},
		{errors.Join(stateError("23505"), errors.New("b")), "the message may quote data (SQLSTATE 23505)\nb"},
		{fmt.Errorf("orders: %w", quoter{stateError("P0001")}), "orders: the message may quote data (SQLSTATE P0001)"},
		{&export.NameError{Name: jane, Reason: "has a slash"}, "export: a name has a slash"},
		{export.WithPublic(fmt.Errorf("x: %w", &export.NameError{Name: jane, Reason: "has a slash"}), jane), "x: export: a name has a slash"},
		{&export.SourceError{Name: jane, Err: missing}, "export: read: open: no such file or directory"},
		{&record.EncodeError{Name: jane + ".csv", Err: fmt.Errorf("field %q: %w", jane, errors.New(jane))}, "record: not encoded: an error of type *errors.errorString"},
		{&export.PanicError{Value: jane}, "export: section panicked: a value of type string"},
		{&export.PanicError{Value: errors.New(jane)}, "export: section panicked: an error of type *errors.errorString"},
		{numError(), "strconv.Atoi: invalid syntax"},
		{timeError(), "a text is no time"},
		{typeError(), "JSON at byte 27 does not fit into a int"},
		{&url.Error{Op: "Get", URL: "https://" + jane, Err: io.EOF}, "Get: EOF"},
		{export.Private(errors.New(jane)), "an error of type *errors.errorString"},
		{export.Private(fmt.Errorf("%s: %w", jane, missing)), "open: no such file or directory"},
		{export.Private(fmt.Errorf("%s: %w; %w; %w", jane, context.Canceled, context.Canceled, stateError("22012"))), "context canceled; the message may quote data (SQLSTATE 22012)"},
		{export.Private(&net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 5432}, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}), "dial tcp 127.0.0.1:5432: connection refused"},
		{fmt.Errorf("spool: %w", &fs.PathError{Op: "write", Path: "/var/lib/exportd", Err: syscall.ENOSPC}), "spool: write /var/lib/exportd: no space left on device"},
		{export.Private(nil), ""},
	} {
		if got := export.LogText(c.err); got != c.want {
			t.Errorf("%v: it logs %q, want %q", c.err, got, c.want)
		}
	}
	if got := export.LogText(errors.New(strings.Repeat("x", 1<<20) + " (end)")); len(got) > 1024 || !strings.HasSuffix(got, " (end)") {
		t.Errorf("a text of a megabyte has %d bytes, %.100s …", len(got), got)
	}
}

// Whatever section code does with a row, the row is not in the log; and the log stays short.
func TestLogsHaveNoValues(t *testing.T) {
	fails := func(err error) func(export.Sink) error { return func(export.Sink) error { return err } }
	var log bytes.Buffer
	e := engine(t, func(c *export.Config) {
		c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	},
		writes("skips", func(sink export.Sink) error {
			for i := range 1000 {
				sink.Skip(jane+strings.Repeat("x", 1<<16), &export.NameError{Name: jane + strings.Repeat("y", 1<<16), Reason: "has a slash"})
				sink.Skip(jane, fmt.Errorf("%d of %s", i, jane))
			}
			for range 3 {
				sink.Skip(jane, &fs.PathError{Op: "open", Path: jane, Err: fs.ErrNotExist})
			}
			sink.Skip(jane, nil)
			return nil
		}),
		writes("kinds", func(sink export.Sink) error {
			for i := range 100 {
				sink.Skip(jane, &export.NameError{Name: jane, Reason: fmt.Sprintf("has problem %d", i)})
			}
			return nil
		}),
		writes("rows", func(sink export.Sink) error {
			return errors.Join(
				sink.Records(jane+".csv", export.Records(rowsOf(row("mail", jane, "f", func() {}), row("mail", jane)))),
				sink.Record(jane+"/..", row("mail", jane)),
			)
		}),
		writes("panics", func(export.Sink) error { panic("no room for " + jane) }),
		writes("index", func(export.Sink) error { list := []string{jane}; _ = list[len(os.Args)+9]; return nil }),
		writes("open", fails(&fs.PathError{Op: "open", Path: "/files/" + jane, Err: syscall.EACCES})),
		writes("state", fails(fmt.Errorf("orders: %w", stateError("22P02")))),
		writes("parse", fails(errors.Join(numError(), timeError(), typeError(), floatError()))),
	)
	_, files := run(t, e, request())
	if !strings.Contains(files["skips/_skipped.ndjson"], jane) {
		t.Error("the customer is not told which items were skipped")
	}
	text := log.String()
	if strings.Contains(text, "jane") {
		at := strings.Index(text, "jane")
		t.Errorf("a value is in the log: %s", text[max(at-500, 0):min(at+50, len(text))])
	}
	const most = 64 << 10 // 20,000 items made 20 MB
	if len(text) > most || strings.Count(text, `msg="item skipped"`) > 2*10+1 {
		t.Errorf("%d bytes, %d lines of skipped items", len(text), strings.Count(text, `msg="item skipped"`))
	}
	for _, want := range []string{
		`section=skips line=1 reason="export: a name has a slash"`,
		`section=skips count=2004 listed=_skipped.ndjson reasons="an error of type *errors.errorString (1000), export: a name has a slash (1000), open: file does not exist (3), no reason is given (1)"`,
		`other reasons (80)`, `section=rows line=1 reason="record: not encoded: an error of type *json.UnsupportedTypeError" row=1`,
		`section=panics error="export: section panicked: a value of type string" stack="goroutine `,
		`section=index error="export: section panicked: runtime error: index out of range [`,
		`section=open error="open: permission denied"`, `section=state error="orders: the message may quote data (SQLSTATE 22P02)"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the log has no %s", want)
		}
	}
	if t.Failed() {
		t.Logf("%.20000s", text)
	}
}

// rowsOf yields rows.
func rowsOf(rows ...record.Row) func(func(record.Row, error) bool) {
	return func(yield func(record.Row, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// A logger is discreet with whatever it is given, and only once.
func TestDiscreet(t *testing.T) {
	var out bytes.Buffer
	log := export.Discreet(slog.New(slog.NewTextHandler(&out, nil)))
	if again := log.With("a", 1); export.Discreet(again) != again {
		t.Error("it is made discreet twice")
	}
	long := strings.Repeat("x", 1<<20)
	log.With("with", stateError("22P02")).WithGroup("g").Info(long, "text", long, "any", []string{long}, "few", []int{1, 2}, slog.Group("in", "error", stateError("23505")), "stack", long, "value", valuer{})
	text := out.String()
	if strings.Contains(text, jane) || len(text) > 24<<10 || len(text) < 16<<10 {
		t.Errorf("%d bytes: %.5000s", len(text), text)
	}
	for _, want := range []string{`with="the message may quote data (SQLSTATE 22P02)"`, `g.in.error="the message may quote data (SQLSTATE 23505)"`, `g.few="[1 2]"`, `g.value="the message may quote data (SQLSTATE 22001)"`, " bytes cut)…"} {
		if !strings.Contains(text, want) {
			t.Errorf("the log has no %s", want)
		}
	}
	if export.Discreet(nil) == nil {
		t.Error("there is no default")
	}
}

type valuer struct{}

func (valuer) LogValue() slog.Value { return slog.AnyValue(stateError("22001")) }
