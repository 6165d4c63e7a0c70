package sign

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/jobs"
)

const (
	// maxRanges is how many ranges one request gets. A request for more gets the
	// whole archive, as RFC 9110 allows: each range is a seek, and a seek is a
	// request of its own where archives are in a bucket.
	maxRanges = 16

	// maxAuditRange is how much of the field Range is recorded, in bytes.
	maxAuditRange = 200

	// auditTimeout is how long recording may take.
	auditTimeout = 10 * time.Second
)

// serve sends the archive, or the part of it that was asked for, and closes it. holder is the
// name of whom the link was made for, if it is bound.
func (l *Links) serve(w http.ResponseWriter, r *http.Request, job jobs.Job, o object, holder string, content io.ReadSeekCloser) {
	in := &source{content: content}
	defer in.Close() //nolint:errcheck // it was only read
	setHeader(w.Header(), job, mediaType(l.config.Formats, o.extension))
	out := &response{
		ResponseWriter: w,
		control:        http.NewResponseController(w),
		idle:           l.config.IdleTimeout,
		refuse:         func(status int) { l.refuse(w, r, status, job, in.failure()) },
	}
	if r.Method == http.MethodGet {
		defer l.record(r, o, holder, out) // also if it panics
	}
	http.ServeContent(out, goodRanges(r), "", job.FinishedAt, in)
	if r.Method != http.MethodGet || !out.began() {
		return
	}
	if out.sent == out.length {
		out.flush()
	}
	if out.complete() {
		return
	}
	err := in.failure()
	if err == nil && out.err == nil {
		err = io.ErrUnexpectedEOF
	}
	if err != nil && r.Context().Err() == nil { // else it is the client who has gone
		l.log(r, "a download was broken off", o.organization, o.job, err)
	}
	panic(http.ErrAbortHandler) // so that the client notices
}

// refuse answers a request that ServeContent does not serve.
func (l *Links) refuse(w http.ResponseWriter, r *http.Request, status int, job jobs.Job, err error) {
	switch {
	case err != nil || status >= http.StatusInternalServerError:
		// ServeContent calls a failure to seek a range that cannot be served.
		status = http.StatusInternalServerError
		w.Header().Del("Content-Range")
		if err == nil {
			err = errors.New("sign: the object cannot be served")
		}
		l.log(r, "a download cannot be served", job.Organization.ID, job.ID, err)
	case status == http.StatusRequestedRangeNotSatisfiable:
		w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", job.Size))
		err = export.WithPublic(errors.New("sign: range"), "The archive has no such range.")
	default:
		err = export.WithPublic(errors.New("sign: precondition"), "The archive is not the one that was asked for.")
	}
	l.fail(w, r, status, err)
}

// goodRanges returns the request as ServeContent understands it. That has no ranges if
// there are too many, or if their unit is not bytes (RFC 9110, section 14.2).
func goodRanges(r *http.Request) *http.Request {
	asked := r.Header.Get("Range")
	if asked == "" {
		return r
	}
	unit, ranges, _ := strings.Cut(asked, "=")
	r = r.Clone(r.Context())
	if strings.Count(ranges, ",") >= maxRanges || !strings.EqualFold(strings.TrimSpace(unit), "bytes") {
		r.Header.Del("Range")
		return r
	}
	list := strings.Split(ranges, ",")
	for i := range list {
		list[i] = goodRange(strings.TrimSpace(list[i]))
	}
	r.Header.Set("Range", "bytes="+strings.Join(list, ","))
	return r
}

// goodRange mends what ServeContent gets wrong: a position with more digits than it reads
// is beyond the end of any archive, and no last bytes cannot be served.
func goodRange(asked string) string {
	first, last, ok := strings.Cut(asked, "-")
	isNumber := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	tooLong := func(s string) bool { return isNumber(s) && len(strings.TrimLeft(s, "0")) > 18 }
	switch {
	case ok && first == "" && isNumber(last) && strings.Trim(last, "0") == "":
		return strconv.FormatInt(math.MaxInt64, 10) + "-"
	case ok && first == "" && tooLong(last):
		return "0-"
	case ok && tooLong(first) && (last == "" || isNumber(last)):
		return strconv.FormatInt(math.MaxInt64, 10) + "-"
	case ok && isNumber(first) && tooLong(last):
		return first + "-"
	}
	return asked
}

// record records a download when it has ended, however it did.
func (l *Links) record(r *http.Request, o object, holder string, out *response) {
	if !out.began() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), auditTimeout)
	defer cancel()
	asked := r.Header.Get("Range")
	err := l.audit.Record(ctx, audit.Entry{
		At:             l.config.Now().UTC().Truncate(time.Millisecond),
		Action:         audit.Downloaded,
		Actor:          holder,
		OrganizationID: o.organization,
		JobID:          o.job,
		Address:        l.address(r),
		Range:          strings.ToValidUTF8(asked[:min(len(asked), maxAuditRange)], "?"),
		Bytes:          out.sent,
		Complete:       out.complete(),
	})
	if err != nil {
		l.log(r, "a download was not recorded", o.organization, o.job, err)
	}
}

// address returns the client's address.
func (l *Links) address(r *http.Request) string {
	if l.config.ClientAddress != nil {
		if address := l.config.ClientAddress(r); address != "" {
			return address
		}
	}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return host
	}
	return r.RemoteAddr
}
