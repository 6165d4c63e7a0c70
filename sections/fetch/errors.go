package fetch

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"time"

	"github.com/orgexport/orgexport/export"
)

// fileError is why a file is not fetched. None of its texts has a URL.
type fileError struct {
	text   string // for the log
	public string
	fault  export.Fault // of the machine; empty if it is the file's
	none   bool         // no host has answered yet
	err    error        // the cause, or nil
}

func (e *fileError) Error() string {
	if e.err != nil {
		return "fetch: " + e.text + ": " + export.LogText(export.Private(e.err))
	}
	return "fetch: " + e.text
}

// Unwrap returns the cause.
func (e *fileError) Unwrap() error { return e.err }

// Public is what [export.PublicText] asks for.
func (e *fileError) Public() string { return e.public }

// LogText is what [export.LogText] asks for.
func (e *fileError) LogText() string { return e.Error() }

// MachineFault is what [export.MachineFault] asks for.
func (e *fileError) MachineFault() export.Fault { return e.fault }

// NoneYet is what [export.FetchAll] asks for.
func (e *fileError) NoneYet() bool { return e.none }

const (
	insideText   = "The address of the file is not one of a public server."
	redirectText = "The server of the file redirects in a way that is not followed."
)

var (
	errURL      = &fileError{text: "the URL is none that is fetched", public: "The address of the file is not a web address that can be fetched."}
	errNoHost   = &fileError{text: "there is no such host", public: insideText}
	errRedirect = &fileError{text: "a redirect is none that is followed", public: redirectText}
	errOften    = &fileError{text: "there are too many redirects", public: redirectText}
	errEncoded  = &fileError{text: "the file comes encoded", public: "The server sends the file in a form that was not asked for."}
	errChanged  = &fileError{text: "the file has changed while it was read", public: "The file changed while it was read."}
)

// inside is the error of what must not be reached. It is not told apart from a host that does not
// exist.
func inside(text string) error { return &fileError{text: text, public: insideText} }

func insideAddress(a netip.Addr) error {
	return inside(fmt.Sprintf("the address %s is not public", a.WithZone("")))
}

func tooLarge(limit int64) error {
	return &fileError{text: "the file is too large", public: fmt.Sprintf("The file is larger than the limit of %d bytes.", limit)}
}

// statusError is the error of an answer that is final.
func statusError(status int) error {
	e := &fileError{text: fmt.Sprintf("the server answers %d", status), public: "The server of the file refused the request."}
	switch status {
	case 404, 410:
		e.public, e.err = "The file was not found.", fs.ErrNotExist
	case 401, 403, 407, 451:
		e.public, e.err = "The file may not be read.", fs.ErrPermission
	}
	return e
}

// failure is a try that may go better later.
type failure struct {
	status int // that was answered, or 0
	busy   bool
	after  time.Duration // that the server wants to be left alone
	err    error         // if nothing was answered
}

func (f *failure) Error() string {
	if f.err != nil {
		return f.err.Error()
	}
	return fmt.Sprintf("the server answers %d", f.status)
}

// final is the error of a file that is not tried again.
func (f *failure) final(fault export.Fault) *fileError {
	e := &fileError{text: "the server does not answer", public: "The server of the file did not send it. Try again later.", fault: fault, err: f.err}
	switch {
	case f.busy:
		e.text, e.public = fmt.Sprintf("the server is busy and answers %d", f.status), "The server of the file is too busy. Try again later."
	case f.status != 0:
		e.text, e.public = f.Error(), "The server of the file failed. Try again later."
	}
	return e
}

// asFailure sorts out why there is no answer. What belongs to this machine is returned as it is,
// and so is what is final.
func asFailure(err error) error {
	if e, ok := errors.AsType[*fileError](err); ok {
		return e
	}
	switch export.MachineFault(err) {
	case export.FaultDescriptors, export.FaultMemory, export.FaultDisk:
		return err
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		if dns.IsNotFound {
			return errNoHost
		}
		return &failure{err: causeError("lookup: " + dns.Err)} // without the name, which is data
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return &fileError{text: "the server cannot be trusted", public: "The server of the file has no valid certificate.", err: err}
	}
	return &failure{err: err}
}

// isItsOwn reports whether the server may be well and has trouble with this file.
func (f *failure) isItsOwn() bool { return f.status >= 500 && (f.status < 502 || f.status > 504) }

const (
	errDown     = causeError("its host is down")
	errStalled  = causeError("the server took too long")
	errNameless = causeError("the server does not tell which version a part of the file is of")
	errCut      = causeError("the connection has ended in the middle of the file")
)

// causeError is a cause in words that are always the same.
type causeError string

func (e causeError) Error() string { return string(e) }

// LogText is what [export.LogText] asks for.
func (e causeError) LogText() string { return string(e) }

// ended returns the cause of the end of ctx, or err if it has not ended.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
