package export

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"strings"
	"syscall"

	"github.com/orgexport/orgexport/export/record"
)

// Fault is the class of a fault of the machine that a section reads from, or of the way to
// it. It is nobody's data: it can be logged and be a label of a metric.
type Fault string

// The classes of faults.
const (
	FaultDescriptors Fault = "descriptors" // no free descriptors
	FaultMemory      Fault = "memory"      // no free memory
	FaultDisk        Fault = "disk"        // a disk that fails, is full or went away
	FaultConnection  Fault = "connection"  // lost, or not to be had
	FaultResources   Fault = "resources"   // a database that has too few of its own
	FaultConflict    Fault = "conflict"    // undone or held up by others that use the database
)

// Faults returns all classes of this package.
func Faults() []Fault {
	return []Fault{FaultDescriptors, FaultMemory, FaultDisk, FaultConnection, FaultResources, FaultConflict}
}

// MachineFault returns the class of an error that belongs to the machine, and not to an item
// or a query, and nothing for any other error. A section that ends with such an error is run
// again: see [Config.Reruns]. No item is skipped for it: see [Sink.Skip].
//
// An error may say it itself, by a method MachineFault() Fault, as those of a source should
// that this list does not know. Else it is one of these, also if it is wrapped or one of
// several that are joined:
//
//   - the error numbers of systems for too many descriptors (EMFILE, ENFILE), memory
//     (ENOMEM), disks (EIO, ESTALE, ENOSPC, EDQUOT) and connections (ECONNRESET,
//     ECONNREFUSED, ECONNABORTED, EPIPE, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH and so on),
//   - a time-out of the network, and any error that can be tried again for sure, as its
//     SafeToRetry() bool says,
//   - [io.EOF] and [io.ErrUnexpectedEOF], with which connections end; but not as a
//     [SourceError], because a file can end so,
//   - [driver.ErrBadConn],
//   - of an error with SQLState() string: connections (class 08, 57P01 to 57P03, 57P05),
//     resources (class 53 without 53400), the server's system (58000, 58030), deadlock and
//     serialization (40P01, 40001),
//   - of an error with Code() int, as those of SQLite: BUSY, LOCKED and PROTOCOL, NOMEM,
//     IOERR and FULL; CANTOPEN, unless it wraps the error number of a system that is none of
//     the above.
//
// The end of a context is no fault of the machine, and neither are a query that took too long
// (57014), a [NameError] and a [record.EncodeError], whatever they wrap.
func MachineFault(err error) Fault { return machineFault(err, true) }

// machineFault is MachineFault. With ends the end of a stream is one.
func machineFault(err error, ends bool) Fault {
	switch e := err.(type) { //nolint:errorlint // this walks through the tree
	case nil, *NameError, *record.EncodeError:
		return ""
	case interface{ MachineFault() Fault }:
		return e.MachineFault()
	case interface{ SQLState() string }:
		return stateFault(e.SQLState())
	case syscall.Errno:
		return errnoFault(e)
	case *SourceError:
		ends = false
	case interface{ Code() int }:
		return codeFault(e.Code(), err)
	}
	switch err { //nolint:errorlint // likewise
	case context.Canceled, context.DeadlineExceeded:
		return ""
	case io.EOF, io.ErrUnexpectedEOF:
		if !ends {
			return ""
		}
		return FaultConnection
	case driver.ErrBadConn:
		return FaultConnection
	}
	if fault := innerFault(err, ends); fault != "" {
		return fault
	}
	return networkFault(err)
}

// innerFault returns the first fault of what an error wraps.
func innerFault(err error, ends bool) Fault {
	switch e := err.(type) { //nolint:errorlint // this walks through the tree
	case interface{ Unwrap() error }:
		return machineFault(e.Unwrap(), ends)
	case interface{ Unwrap() []error }:
		for _, err := range e.Unwrap() {
			if fault := machineFault(err, ends); fault != "" {
				return fault
			}
		}
	}
	return ""
}

// networkFault is that of an error that tells about itself what those of package net and of
// drivers do, and has not ended because a context has.
func networkFault(err error) Fault {
	again := false
	switch e := err.(type) { //nolint:errorlint // what it wraps was looked at
	case interface {
		Timeout() bool
		Temporary() bool
	}:
		again = e.Timeout() || e.Temporary()
	case interface{ SafeToRetry() bool }:
		again = e.SafeToRetry()
	}
	if !again || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return ""
	}
	return FaultConnection
}

// errnoFault is that of an error number of the system.
func errnoFault(errno syscall.Errno) Fault {
	switch errno {
	case syscall.EMFILE, syscall.ENFILE:
		return FaultDescriptors
	case syscall.ENOMEM:
		return FaultMemory
	case syscall.EIO, syscall.ESTALE, syscall.ENOSPC, syscall.EDQUOT:
		return FaultDisk
	case syscall.ECONNRESET, syscall.ECONNREFUSED, syscall.ECONNABORTED, syscall.EPIPE, syscall.ENOTCONN, syscall.ESHUTDOWN,
		syscall.ETIMEDOUT, syscall.EHOSTDOWN, syscall.EHOSTUNREACH, syscall.ENETDOWN, syscall.ENETUNREACH, syscall.ENETRESET:
		return FaultConnection
	}
	return ""
}

// stateFault is that of an SQLSTATE.
func stateFault(state string) Fault {
	switch state {
	case "57P01", "57P02", "57P03", "57P05": // the server stops, has crashed or starts, or the session was idle
		return FaultConnection
	case "53400": // the query wants more than it may have
		return ""
	case "58000", "58030":
		return FaultDisk
	case "40001", "40P01":
		return FaultConflict
	}
	switch {
	case strings.HasPrefix(state, "08"):
		return FaultConnection
	case strings.HasPrefix(state, "53"):
		return FaultResources
	}
	return ""
}

// codeFault is that of a result code of SQLite, whose low byte is the primary one.
func codeFault(code int, err error) Fault {
	switch code & 0xff {
	case 5, 6, 15: // BUSY, LOCKED, PROTOCOL
		return FaultConflict
	case 7: // NOMEM
		return FaultMemory
	case 10, 13: // IOERR, FULL
		return cmp.Or(innerFault(err, false), FaultDisk)
	case 14: // CANTOPEN
		if errno, ok := errors.AsType[syscall.Errno](err); ok {
			return errnoFault(errno)
		}
		return FaultDisk
	}
	return ""
}
