package sqlite

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// This file has all that is done with pointers of C. The functions are those of SQLite's
// C interface: https://sqlite.org/c3ref/intro.html.

// conn is a connection to a SQLite file. All but interrupt is for one goroutine at a time.
type conn struct {
	tls   *libc.TLS
	db    uintptr
	file  fs.FileInfo // which file it is
	still *state      // of a file that is read as immutable
}

// resultError is an error of SQLite.
type resultError struct {
	code    int32
	message string
	errno   syscall.Errno // of the system call that has failed, or 0
	kind    string        // what SQLite says of every error with this code
	quotes  bool          // the message may quote values: rows were being read
}

// LogText is what export.LogText asks for.
func (e *resultError) LogText() string {
	if e.quotes {
		return fmt.Sprintf("sqlite: %s (%d)", e.kind, e.code)
	}
	return e.Error()
}

func (e *resultError) Error() string { return fmt.Sprintf("sqlite: %s (%d)", e.message, e.code) }

// Code returns the extended result code, by which export.MachineFault knows a fault of the
// machine.
func (e *resultError) Code() int { return int(e.code) }

// Unwrap returns the error number of the system, if that was the cause.
func (e *resultError) Unwrap() error {
	if e.errno == 0 {
		return nil
	}
	return e.errno
}

func (e *resultError) busy() bool { return e.code&0xff == sqlite3.SQLITE_BUSY }

// open opens a file. If it is immutable SQLite neither locks it nor looks for other files.
func open(path string, immutable bool) (*conn, error) {
	flags := int32(sqlite3.SQLITE_OPEN_READONLY | sqlite3.SQLITE_OPEN_NOMUTEX | sqlite3.SQLITE_OPEN_EXRESCODE)
	if immutable {
		path = immutableName(path)
		flags |= sqlite3.SQLITE_OPEN_URI
	}
	c := &conn{tls: libc.NewTLS()}
	name, err := libc.CString(path)
	if err != nil {
		c.tls.Close()
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	defer libc.Xfree(c.tls, name)
	code := int32(0)
	c.db = c.out(func(db uintptr) {
		code = sqlite3.Xsqlite3_open_v2(c.tls, name, db, flags, 0)
	})
	if err := c.check(code); err != nil {
		_ = c.close()
		return nil, err
	}
	if err := c.forbidWriting(); err != nil {
		_ = c.close()
		return nil, err
	}
	return c, nil
}

// forbidWriting leaves no way to another file: none can be attached, which VACUUM INTO would
// do, too. The file itself was opened for reading. query_only is one more lock before the
// same door.
func (c *conn) forbidWriting() error {
	sqlite3.Xsqlite3_limit(c.tls, c.db, sqlite3.SQLITE_LIMIT_ATTACHED, 0)
	s, err := c.prepare("PRAGMA query_only = ON")
	if err != nil {
		return err
	}
	defer s.finalize()
	_, err = s.step()
	return err
}

func (c *conn) close() error {
	err := c.check(sqlite3.Xsqlite3_close_v2(c.tls, c.db))
	c.tls.Close()
	return err
}

// out returns the pointer that call stores at the address that it is given.
func (c *conn) out(call func(at uintptr)) uintptr {
	const size = int(unsafe.Sizeof(uintptr(0)))
	at := c.tls.Alloc(size)
	defer c.tls.Free(size)
	*(*uintptr)(pointer(at)) = 0
	call(at)
	return *(*uintptr)(pointer(at))
}

// pointer returns a pointer of C. What it points to is not Go's memory.
func pointer(p uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&p)) }

func (c *conn) check(code int32) error {
	if code == sqlite3.SQLITE_OK {
		return nil
	}
	return c.resultError(code)
}

func (c *conn) resultError(code int32) *resultError {
	kind := libc.GoString(sqlite3.Xsqlite3_errstr(c.tls, code))
	message := kind
	if c.db != 0 && sqlite3.Xsqlite3_extended_errcode(c.tls, c.db) == code {
		message = libc.GoString(sqlite3.Xsqlite3_errmsg(c.tls, c.db))
	}
	e := &resultError{code: code, message: message + hint(code), kind: kind + hint(code)}
	if primary := code & 0xff; c.db != 0 && (primary == sqlite3.SQLITE_IOERR || primary == sqlite3.SQLITE_CANTOPEN) {
		e.errno = syscall.Errno(sqlite3.Xsqlite3_system_errno(c.tls, c.db))
	}
	return e
}

// hint says what is wrong where SQLite says that it cannot write, which it needs for no query.
func hint(code int32) string {
	switch code {
	case sqlite3.SQLITE_READONLY_ROLLBACK:
		return ": its last writer was stopped, and a program that may write has to open the file first"
	case sqlite3.SQLITE_READONLY_DIRECTORY, sqlite3.SQLITE_READONLY_CANTINIT, sqlite3.SQLITE_READONLY_RECOVERY:
		return ": the file is in WAL mode, and those beside it that end in -wal and -shm are not there or may not be used"
	}
	return ""
}

// interrupt ends what another goroutine does with the connection.
func (c *conn) interrupt() {
	tls := libc.NewTLS()
	defer tls.Close()
	sqlite3.Xsqlite3_interrupt(tls, c.db)
}

// stmt is a statement. Columns are counted from 0, parameters from 1.
type stmt struct {
	conn *conn
	p    uintptr
}

// prepare returns a statement. The text must have one and no more.
func (c *conn) prepare(text string) (*stmt, error) {
	if strings.Contains(text, "\x00") {
		return nil, fmt.Errorf("sqlite: the statement has a NUL")
	}
	z, err := libc.CString(text)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	defer libc.Xfree(c.tls, z)
	first, tail, err := c.prepareNext(z)
	if err != nil {
		return nil, err
	}
	second := uintptr(0)
	if tail != 0 {
		second, _, err = c.prepareNext(tail)
	}
	if first == 0 || second != 0 || err != nil {
		sqlite3.Xsqlite3_finalize(c.tls, second)
		sqlite3.Xsqlite3_finalize(c.tls, first)
		return nil, fmt.Errorf("sqlite: want one statement")
	}
	return &stmt{c, first}, nil
}

// prepareNext prepares the first statement of a text of C and returns what follows it.
func (c *conn) prepareNext(z uintptr) (p, tail uintptr, err error) {
	code := int32(0)
	tail = c.out(func(tail uintptr) {
		p = c.out(func(p uintptr) { code = sqlite3.Xsqlite3_prepare_v2(c.tls, c.db, z, -1, p, tail) })
	})
	return p, tail, c.check(code)
}

func (s *stmt) finalize() { sqlite3.Xsqlite3_finalize(s.conn.tls, s.p) }

func (s *stmt) parameters() int {
	return int(sqlite3.Xsqlite3_bind_parameter_count(s.conn.tls, s.p))
}

func (s *stmt) bindNull(i int) error {
	return s.conn.check(sqlite3.Xsqlite3_bind_null(s.conn.tls, s.p, int32(i)))
}

func (s *stmt) bindInt(i int, n int64) error {
	return s.conn.check(sqlite3.Xsqlite3_bind_int64(s.conn.tls, s.p, int32(i), n))
}

func (s *stmt) bindFloat(i int, f float64) error {
	return s.conn.check(sqlite3.Xsqlite3_bind_double(s.conn.tls, s.p, int32(i), f))
}

func (s *stmt) bindText(i int, text string) error {
	z, err := libc.CString(text)
	if err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	defer libc.Xfree(s.conn.tls, z)
	return s.conn.check(sqlite3.Xsqlite3_bind_text(s.conn.tls, s.p, int32(i), z, int32(len(text)), sqlite3.SQLITE_TRANSIENT))
}

func (s *stmt) bindBlob(i int, b []byte) error {
	z, err := libc.CString(string(b)) // which keeps every byte
	if err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	defer libc.Xfree(s.conn.tls, z)
	return s.conn.check(sqlite3.Xsqlite3_bind_blob(s.conn.tls, s.p, int32(i), z, int32(len(b)), sqlite3.SQLITE_TRANSIENT))
}

// step reads the next row, and reports whether there is one.
func (s *stmt) step() (bool, error) {
	switch code := sqlite3.Xsqlite3_step(s.conn.tls, s.p); code {
	case sqlite3.SQLITE_ROW:
		return true, nil
	case sqlite3.SQLITE_DONE:
		return false, nil
	default:
		err := s.conn.resultError(code)
		err.quotes = true
		return false, err
	}
}

// reset makes the next step the first one again.
func (s *stmt) reset() { sqlite3.Xsqlite3_reset(s.conn.tls, s.p) }

// readOnly reports whether the statement writes nothing.
func (s *stmt) readOnly() bool { return sqlite3.Xsqlite3_stmt_readonly(s.conn.tls, s.p) != 0 }

func (s *stmt) columns() int { return int(sqlite3.Xsqlite3_column_count(s.conn.tls, s.p)) }

func (s *stmt) name(i int) string {
	return libc.GoString(sqlite3.Xsqlite3_column_name(s.conn.tls, s.p, int32(i)))
}

func (s *stmt) declared(i int) string {
	return libc.GoString(sqlite3.Xsqlite3_column_decltype(s.conn.tls, s.p, int32(i)))
}

// class returns the storage class of a value.
func (s *stmt) class(i int) int32 { return sqlite3.Xsqlite3_column_type(s.conn.tls, s.p, int32(i)) }

func (s *stmt) int(i int) int64 { return sqlite3.Xsqlite3_column_int64(s.conn.tls, s.p, int32(i)) }

func (s *stmt) float(i int) float64 {
	return sqlite3.Xsqlite3_column_double(s.conn.tls, s.p, int32(i))
}

// appendText appends the bytes of a text, in UTF-8 whatever the encoding of the database.
func (s *stmt) appendText(dst []byte, i int) []byte {
	return s.appendBytes(dst, i, sqlite3.Xsqlite3_column_text(s.conn.tls, s.p, int32(i)))
}

func (s *stmt) appendBlob(dst []byte, i int) []byte {
	return s.appendBytes(dst, i, sqlite3.Xsqlite3_column_blob(s.conn.tls, s.p, int32(i)))
}

func (s *stmt) appendBytes(dst []byte, i int, p uintptr) []byte {
	n := sqlite3.Xsqlite3_column_bytes(s.conn.tls, s.p, int32(i))
	if p == 0 || n == 0 {
		return dst
	}
	return append(dst, unsafe.Slice((*byte)(pointer(p)), n)...)
}

// exec runs a statement without rows.
func (c *conn) exec(text string) error {
	s, err := c.prepare(text)
	if err != nil {
		return err
	}
	defer s.finalize()
	_, err = s.step()
	return err
}

// value returns the first column of the first row of a statement as text, and waits for a
// process that writes.
func (c *conn) value(ctx context.Context, text string) (value string, err error) {
	r := &result{ctx: ctx, conn: c}
	err = r.patiently(func() error {
		s, err := c.prepare(text)
		if err != nil {
			return err
		}
		defer s.finalize()
		if _, err := s.step(); err != nil {
			return err
		}
		value = string(s.appendText(nil, 0))
		return nil
	})
	return value, err
}

// dataVersion returns a number that changes when another connection writes the file.
func (c *conn) dataVersion(ctx context.Context) (int64, error) {
	text, err := c.value(ctx, "PRAGMA data_version")
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(text, 10, 64)
}

// snapshotSize is that of what a snapshot of SQLite points to: the header of a log's index.
const snapshotSize = 48

// errNoFrames says that there is no log, or nothing in it.
var errNoFrames = errors.New("sqlite: the log is empty")

// snapshot returns what the connection sees, which has begun a transaction and not read yet,
// and what tells it apart. It is to be freed.
func (c *conn) snapshot() (handle uintptr, image []byte, err error) {
	main, err := libc.CString("main")
	if err != nil {
		return 0, nil, fmt.Errorf("sqlite: %w", err)
	}
	defer libc.Xfree(c.tls, main)
	code := int32(0)
	handle = c.out(func(at uintptr) { code = sqlite3.Xsqlite3_snapshot_get(c.tls, c.db, main, at) })
	if code == sqlite3.SQLITE_ERROR { // as it is if there has been no log since it was begun
		return 0, nil, errNoFrames
	}
	if err := c.check(code); err != nil {
		return 0, nil, err
	}
	header := *(*[snapshotSize]byte)(pointer(handle))
	image = header[:]
	const frames = 16 // where the number of frames is
	if binary.NativeEndian.Uint32(image[frames:]) == 0 {
		c.freeSnapshot(handle)
		return 0, nil, errNoFrames
	}
	return handle, image, nil
}

// openSnapshot makes a transaction that has not read yet see a snapshot.
func (c *conn) openSnapshot(handle uintptr) error {
	main, err := libc.CString("main")
	if err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	defer libc.Xfree(c.tls, main)
	return c.check(sqlite3.Xsqlite3_snapshot_open(c.tls, c.db, main, handle))
}

func (c *conn) freeSnapshot(handle uintptr) {
	if handle != 0 {
		sqlite3.Xsqlite3_snapshot_free(c.tls, handle)
	}
}
