package bunstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"io/fs"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/orgexport/orgexport/export"
)

// theDatabase is what an outage is of.
const theDatabase = "the jobs database"

// errSlow is the cause of a call that took too long.
var errSlow = errors.New("no answer in time")

// outage returns err as an [*export.OutageError] if it is none of the program but of the
// database or of the way there, else as it is.
func outage(err error) error {
	if err == nil || export.OutageOf(err) != "" {
		return err
	}
	kind := outageKind(err)
	if kind == "" {
		return err
	}
	return &export.OutageError{What: theDatabase, Kind: kind, Err: err}
}

// outageKind tells the kind, empty if it is no outage. That the caller has given up is
// none.
func outageKind(err error) export.Outage {
	var lite interface{ Code() int }
	var pg interface{ SQLState() string }
	var network net.Error
	var connect *pgconn.ConnectError
	var file *fs.PathError
	switch {
	case errors.Is(err, context.Canceled):
		return ""
	case errors.Is(err, errSlow):
		return export.OutageBusy
	case errors.As(err, &pg):
		return postgresOutage(pg.SQLState())
	case errors.As(err, &lite):
		if lite.Code() == 1 && strings.Contains(err.Error(), "no such table") {
			return export.OutageGone // SQLITE_ERROR has no more to it
		}
		return sqliteOutage(lite.Code())
	case errors.As(err, &file):
		return fileOutage(err)
	case errors.Is(err, context.DeadlineExceeded):
		return "" // of the caller, but for net.Error, which it is as well
	case errors.As(err, &connect), errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, net.ErrClosed), errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone),
		err.Error() == "conn closed": // pgx has no value for it
		return export.OutageConnection
	}
	return ""
}

// fileOutage tells the kind of an error about a file. That there is none is a mistake when a
// database is opened; later it is noticed elsewhere.
func fileOutage(err error) export.Outage {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ""
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return export.OutageReadOnly
	case errors.Is(err, syscall.ENOSPC):
		return export.OutageFull
	}
	return export.OutageIO
}

// sqliteOutage tells the kind of a result code of SQLite. The higher bits say more than is
// asked here.
func sqliteOutage(code int) export.Outage {
	if code == 10|19<<8 { // SQLITE_IOERR_SHMSIZE: the index of the write-ahead log cannot grow
		return export.OutageFull
	}
	switch code & 0xff {
	case 5, 6, 15: // SQLITE_BUSY, _LOCKED, _PROTOCOL: another process has it for long
		return export.OutageBusy
	case 8, 3: // SQLITE_READONLY, _PERM
		return export.OutageReadOnly
	case 13: // SQLITE_FULL
		return export.OutageFull
	case 7, 10, 14: // SQLITE_NOMEM, _IOERR, _CANTOPEN
		return export.OutageIO
	case 11, 26: // SQLITE_CORRUPT, _NOTADB
		return export.OutageDamaged
	}
	return ""
}

// postgresOutage tells the kind of an error code of PostgreSQL.
func postgresOutage(code string) export.Outage {
	switch code {
	case "25006": // read_only_sql_transaction, as a server that follows another has
		return export.OutageReadOnly
	case "53100": // disk_full
		return export.OutageFull
	case "53300": // too_many_connections; of PgBouncer, too
		return export.OutageCrowded
	case "55P03": // lock_not_available
		return export.OutageBusy
	case "3D000", "3F000", "42P01": // no such database, schema or table any more
		return export.OutageGone
	case "XX001", "XX002": // data_corrupted, index_corrupted
		return export.OutageDamaged
	case "57P01", "57P02", "57P03", "57P04", "57P05": // shut down, starting, dropped, idle for too long
		return export.OutageConnection
	}
	switch {
	case strings.HasPrefix(code, "08"), strings.HasPrefix(code, "28"): // connections, and who may make them
		return export.OutageConnection
	case strings.HasPrefix(code, "53"), strings.HasPrefix(code, "58"): // resources, and errors of the system
		return export.OutageIO
	}
	return ""
}
