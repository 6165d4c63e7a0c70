package export_test

import (
	"bytes"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/exporttest"
	"github.com/orgexport/orgexport/export/record"
)

// codedError is an error of a database with an SQLSTATE.
type codedError string

func (e codedError) Error() string    { return "customer jane.doe@example.com: " + string(e) }
func (e codedError) SQLState() string { return string(e) }

// codeError is an error of SQLite.
type codeError struct {
	code int
	err  error
}

func (e codeError) Error() string { return fmt.Sprint("code ", e.code) }
func (e codeError) Code() int     { return e.code }
func (e codeError) Unwrap() error { return e.err }

// ownError says itself whether it is a fault of the machine.
type ownError struct {
	error
	fault export.Fault
}

func (e ownError) MachineFault() export.Fault { return e.fault }
func (e ownError) Unwrap() error              { return e.error }

type retryError bool

func (retryError) Error() string       { return "not sent" }
func (e retryError) SafeToRetry() bool { return bool(e) }

func TestMachineFault(t *testing.T) {
	missing := &fs.PathError{Op: "open", Path: "a", Err: syscall.ENOENT}
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: &os.SyscallError{Syscall: "connect", Err: syscall.ECONNREFUSED}}
	lost := codedError("57P01")
	for _, c := range []struct {
		err  error
		want export.Fault
	}{
		{nil, ""},
		{errSecret, ""},
		{&fs.PathError{Op: "open", Path: "a", Err: syscall.EMFILE}, export.FaultDescriptors},
		{&fs.PathError{Op: "open", Path: "a", Err: syscall.ENFILE}, export.FaultDescriptors},
		{&os.SyscallError{Syscall: "socket", Err: syscall.EMFILE}, export.FaultDescriptors},
		{syscall.ENOMEM, export.FaultMemory},
		{syscall.EIO, export.FaultDisk},
		{syscall.ESTALE, export.FaultDisk},
		{syscall.ENOSPC, export.FaultDisk},
		{missing, ""},
		{syscall.EACCES, ""},
		{syscall.EINTR, ""},
		{refused, export.FaultConnection},
		{syscall.ECONNRESET, export.FaultConnection},
		{syscall.EPIPE, export.FaultConnection},
		{&net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}, export.FaultConnection},
		{&net.DNSError{Err: "server misbehaving", IsTemporary: true}, export.FaultConnection},
		{&net.DNSError{Err: "no such host", IsNotFound: true}, ""},
		{&url.Error{Op: "Get", URL: "x:", Err: errors.New("unsupported protocol scheme")}, ""},
		{&url.Error{Op: "Get", URL: "x:", Err: context.DeadlineExceeded}, ""},
		{context.DeadlineExceeded, ""},
		{context.Canceled, ""},
		{io.ErrUnexpectedEOF, export.FaultConnection},
		{io.EOF, export.FaultConnection},
		{&export.SourceError{Name: "cut.gz", Err: io.ErrUnexpectedEOF}, ""},
		{&export.SourceError{Name: "a", Err: syscall.EIO}, export.FaultDisk},
		{&record.EncodeError{Name: "a.yaml", Err: io.ErrUnexpectedEOF}, ""},
		{&export.NameError{Name: "a", Reason: "is taken"}, ""},
		{driver.ErrBadConn, export.FaultConnection},
		{retryError(true), export.FaultConnection},
		{retryError(false), ""},
		{lost, export.FaultConnection},
		{codedError("57P02"), export.FaultConnection},
		{codedError("57P03"), export.FaultConnection},
		{codedError("57P05"), export.FaultConnection},
		{codedError("57P04"), ""}, // database_dropped
		{codedError("57014"), ""}, // query_canceled
		{codedError("08006"), export.FaultConnection},
		{codedError("08P01"), export.FaultConnection},
		{codedError("40001"), export.FaultConflict},
		{codedError("40P01"), export.FaultConflict},
		{codedError("40002"), ""},
		{codedError("53300"), export.FaultResources},
		{codedError("53200"), export.FaultResources},
		{codedError("53400"), ""},
		{codedError("58030"), export.FaultDisk},
		{codedError("42P01"), ""},
		{codedError("28P01"), ""},
		{codeError{5, nil}, export.FaultConflict},         // BUSY
		{codeError{517, nil}, export.FaultConflict},       // BUSY_SNAPSHOT
		{codeError{6, nil}, export.FaultConflict},         // LOCKED
		{codeError{7, nil}, export.FaultMemory},           // NOMEM
		{codeError{266, nil}, export.FaultDisk},           // IOERR_READ
		{codeError{266, syscall.EMFILE}, "descriptors"},   // likewise
		{codeError{14, nil}, export.FaultDisk},            // CANTOPEN
		{codeError{14, syscall.EMFILE}, "descriptors"},    // likewise
		{codeError{14, syscall.ENOENT}, ""},               // likewise
		{codeError{1, nil}, ""},                           // ERROR
		{codeError{11, nil}, ""},                          // CORRUPT
		{ownError{errSecret, "connection"}, "connection"}, // a bucket's 503
		{ownError{syscall.EIO, ""}, ""},
		{export.WithPublic(fmt.Errorf("a: %w", lost), "The data could not be read."), export.FaultConnection},
		{errors.Join(codedError("57014"), fmt.Errorf("b: %w", errors.Join(errSecret, lost))), export.FaultConnection},
		{errors.Join(missing, errSecret), ""},
	} {
		if got := export.MachineFault(c.err); got != c.want {
			t.Errorf("%T %v is %q, want %q", c.err, c.err, got, c.want)
		}
		if c.want != "" && !slices.Contains(export.Faults(), c.want) {
			t.Errorf("%q is not in Faults", c.want)
		}
	}
}

// faulty is a section that writes two records in each run, and fails the first ones.
func faulty(ran *int, times int, fail func(sink export.Sink) error) export.Section {
	return writes("s", func(sink export.Sink) error {
		*ran++
		if err := sink.Record("1.yaml", row("run", *ran)); err != nil {
			return err
		}
		if *ran <= times {
			return fail(sink)
		}
		return sink.Record("2.yaml", row("run", *ran))
	})
}

func returns(err error) func(export.Sink) error { return func(export.Sink) error { return err } }

func TestSectionIsRunAgain(t *testing.T) {
	const unreached = "The source of the data could not be reached. Try again later."
	deadlock, timeout := codedError("40P01"), codedError("57014")
	for _, c := range []struct {
		name   string
		times  int
		reruns int
		fail   func(export.Sink) error
		ran    int
		want   export.SectionResult
		waited time.Duration // at least, and a quarter longer at most
	}{
		{"deadlock", 1, 0, returns(deadlock), 2, export.SectionResult{Status: "ok", Records: 2}, time.Second},
		{"serialization, twice", 2, 0, returns(codedError("40001")), 3, export.SectionResult{Status: "ok", Records: 2}, 5 * time.Second},
		{"a stream that ends", 3, 0, func(s export.Sink) error {
			return s.Records("r.csv", count(5, returns2(io.ErrUnexpectedEOF)))
		}, 4, export.SectionResult{Status: "ok", Records: 2}, 21 * time.Second},
		{"always", 9, 0, returns(deadlock), 4, export.SectionResult{Status: "partial", Records: 1, Error: unreached}, 21 * time.Second},
		{"once more is configured", 9, 1, returns(deadlock), 2, export.SectionResult{Status: "partial", Records: 1, Error: unreached}, time.Second},
		{"never is configured", 9, -1, returns(deadlock), 1, export.SectionResult{Status: "partial", Records: 1, Error: unreached}, 0},
		{"time-out of the source", 9, 0, returns(timeout), 1, export.SectionResult{Status: "partial", Records: 1, Error: "The section could not be exported."}, 0},
		{"an item skipped for the machine", 1, 0, func(s export.Sink) error {
			s.Skip("item 7", &fs.PathError{Op: "open", Path: "7", Err: syscall.EMFILE})
			return nil
		}, 2, export.SectionResult{Status: "ok", Records: 2}, time.Second},
		{"an item read half", 1, 0, func(s export.Sink) error {
			s.Skip("item 7", s.Binary("7", iotest.ErrReader(syscall.EIO)))
			return nil
		}, 2, export.SectionResult{Status: "ok", Records: 2}, time.Second},
		{"an item that is cut", 9, 0, func(s export.Sink) error {
			s.Skip("item 7", s.Binary("7", iotest.ErrReader(io.ErrUnexpectedEOF)))
			return nil
		}, 1, export.SectionResult{Status: "partial", Records: 1, Error: "1 item was skipped; it is listed in s/_skipped.ndjson."}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ran, told := 0, 0
				e := engine(t, func(config *export.Config) { config.Reruns = c.reruns }, fine("before"), faulty(&ran, c.times, c.fail), fine("after"))
				r := request()
				r.Rerun = func(_ context.Context, section string, fault export.Fault) {
					if told++; section != "s" || fault == "" {
						t.Errorf("section %q is run again for the fault %q", section, fault)
					}
				}
				began := time.Now()
				result, files := run(t, e, r)
				waited := time.Since(began)
				c.want.Key = "s"
				if result.Sections[1] != c.want || ran != c.ran || told != c.ran-1 {
					t.Errorf("ran %d times, told %d times: %+v, want %d: %+v", ran, told, result.Sections[1], c.ran, c.want)
				}
				if waited < c.waited || waited > c.waited*5/4 {
					t.Errorf("waited for %v, want %v or a quarter longer", waited, c.waited)
				}
				if result.Sections[0].Status != "ok" || result.Sections[2].Status != "ok" {
					t.Errorf("other sections suffer: %v", result.Sections)
				}
				if want := fmt.Sprintf("run: %d\n", c.ran); files["s/1.yaml"] != want || files["s/r.csv"] != "" {
					t.Errorf("the archive has %q, want what the last run wrote: %q", files["s/1.yaml"], want)
				}
			})
		})
	}
}

func returns2(err error) func() error { return func() error { return err } }

// What a run has written is not counted twice, neither as progress nor against the limit of
// the archive, and nothing of it stays in the spool.
func TestRerunStartsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		spool := new(exporttest.MemSpool)
		ran := 0
		big := writes("s", func(sink export.Sink) error {
			ran++
			if err := sink.Binary("big", io.LimitReader(newNoise(), 6<<20)); err != nil {
				return err
			}
			if ran < 4 {
				return codedError("57P01")
			}
			return nil
		})
		e := engine(t, func(c *export.Config) {
			c.Spool, c.MaxArchiveBytes = spool, 10<<20
			c.Logger = slog.New(slog.NewTextHandler(&log, nil))
		}, big)
		r := request()
		var kinds []export.EventKind
		r.Observe = func(e export.Event) {
			if e.Kind != export.SectionAdvanced {
				kinds = append(kinds, e.Kind)
			}
			if e.Bytes > 6<<20 || e.Kind == export.SectionRestarted && (e.Bytes > 0 || e.Binaries > 0) {
				t.Errorf("the progress is %+v", e)
			}
		}
		r.Rerun = func(ctx context.Context, _ string, _ export.Fault) {
			if ids, err := spool.List(ctx, r.JobID); err != nil || len(ids) > 0 {
				t.Errorf("there are the parts %v, %v", ids, err)
			}
		}
		if result, _ := run(t, e, r); result.Sections[0].Status != "ok" || result.Sections[0].Binaries != 1 {
			t.Errorf("%+v", result.Sections)
		}
		if want := "[started restarted restarted restarted finished]"; fmt.Sprint(kinds) != want {
			t.Errorf("events are %v, want %s", kinds, want)
		}
		text := log.String()
		if strings.Count(text, "\n") != 3 || strings.Count(text, "fault=connection") != 3 || !strings.Contains(text, "section=s") || strings.Contains(text, "jane") {
			t.Errorf("logged:\n%s", text)
		}
	})
}

// Storage fails the export, as ever, whatever its error is.
func TestFaultOfTheSpoolIsTheExports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		e := engine(t, func(c *export.Config) { c.Spool = crampedSpool{new(exporttest.MemSpool)} }, fine("a"))
		_, err := e.Export(t.Context(), request(), io.Discard)
		if !errors.Is(err, syscall.EMFILE) || time.Since(began) > 0 {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

type crampedSpool struct{ export.Spool }

func (s crampedSpool) Put(ctx context.Context, id export.PartID, write func(io.Writer) error) error {
	return s.Spool.Put(ctx, id, func(io.Writer) error { return write(crampedWriter{}) })
}

type crampedWriter struct{}

func (crampedWriter) Write([]byte) (int, error) { return 0, syscall.EMFILE }

// A section that waits is told at once that the export ends.
func TestWaitForRerunEndsWithTheExport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := errors.New("stop")
		ctx, cancel := context.WithCancelCause(t.Context())
		ran := 0
		e := engine(t, func(c *export.Config) { c.RerunDelay = time.Hour }, faulty(&ran, 9, returns(syscall.EMFILE)))
		time.AfterFunc(time.Minute, func() { cancel(stop) })
		began := time.Now()
		_, err := e.Export(ctx, request(), io.Discard)
		if !errors.Is(err, stop) || time.Since(began) != time.Minute || ran != 1 {
			t.Errorf("after %v and %d runs: %v", time.Since(began), ran, err)
		}
	})
}

// A section that has no more time is not run again.
func TestTimeoutIsNoFaultOfTheMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ran := 0
		slow := section("s", func(ctx context.Context, _ export.Scope, _ export.Sink) error {
			ran++
			<-ctx.Done()
			return codedError("57P01")
		})
		e := engine(t, func(c *export.Config) { c.SectionTimeout = time.Minute }, slow)
		if result, _ := run(t, e, request()); ran != 1 || result.Sections[0].Error != "The section took longer than 1m0s." {
			t.Errorf("%d runs: %+v", ran, result.Sections)
		}
	})
}
