package sign

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

var (
	// ErrLink is matched when a URL is not a link that one of the keys has signed.
	ErrLink = errors.New("sign: link is not valid")

	// ErrExpired is matched when a link was good once.
	ErrExpired = errors.New("sign: link has expired")
)

// ServeHTTP implements [http.Handler]: it serves the archive of a link.
//
// It panics with [http.ErrAbortHandler] to break the connection when an archive
// cannot be sent whole, as handlers do. A handler around it that recovers from
// panics must pass that one on.
func (l *Links) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		l.fail(w, r, http.StatusMethodNotAllowed,
			export.WithPublic(errors.New("sign: method"), "A link can only be used with GET and HEAD."))
		return
	}
	asked, err := l.check(r)
	if err != nil {
		l.fail(w, r, http.StatusForbidden, err)
		return
	}
	if !l.limit(w, r, asked) {
		return
	}
	holder, ok := l.admit(w, r, asked)
	if !ok {
		return
	}
	done, ok := l.begin(w, r, asked.object)
	if !ok {
		return
	}
	defer done() // also if the connection is broken by a panic
	job, content, err := l.openAudited(r, asked)
	switch {
	case errors.Is(err, jobs.ErrDamaged):
		l.fail(w, r, http.StatusGone, err)
	case errors.Is(err, export.ErrNotFound):
		l.fail(w, r, http.StatusNotFound, export.WithPublic(err, "The archive does not exist any more."))
	case err != nil:
		if r.Context().Err() == nil { // else the client has gone
			l.log(r, "a download cannot be served", asked.object.organization, asked.object.job, err)
		}
		l.fail(w, r, statusOf(err), err)
	default:
		l.serve(w, r, job, asked.object, holder, content)
	}
}

// statusOf is that of an error which is not the client's.
func statusOf(err error) int {
	if errors.Is(err, export.ErrUnavailable) {
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

func (l *Links) fail(w http.ResponseWriter, r *http.Request, status int, err error) {
	clearHeader(w.Header())
	l.config.ErrorHandler(w, r, status, err)
}

func (l *Links) log(r *http.Request, message, organizationID, jobID string, err error) {
	l.config.Logger.ErrorContext(r.Context(), message, "organization", organizationID, "job", jobID, "address", l.address(r), "error", err)
}

// check returns what the link of a request says. It fails if the link was not
// signed, or has expired.
func (l *Links) check(r *http.Request) (link, error) {
	path := r.URL.RawPath
	if path == "" { // then the usual escaping of Path is what came
		path = r.URL.EscapedPath()
	}
	path, ok := strings.CutPrefix(path, l.path)
	asked, err := parseLink(path, r.URL.RawQuery)
	if !ok || err != nil || !l.config.Keys.verify(asked) {
		return link{}, export.WithPublic(ErrLink, "The link is not valid.")
	}
	// A client learns that its link is too late only if the link was good.
	if !l.config.Now().Before(time.Unix(asked.expires, 0)) {
		return link{}, export.WithPublic(ErrExpired, "The link has expired. Ask for the status of the export to get a new one.")
	}
	return asked, nil
}

// openAudited is find, unless the download is refused because it cannot be recorded.
func (l *Links) openAudited(r *http.Request, asked link) (jobs.Job, io.ReadSeekCloser, error) {
	if r.Method == http.MethodGet {
		if err := l.auditable(r.Context()); err != nil {
			return jobs.Job{}, nil, err
		}
	}
	return l.find(r.Context(), asked.object, asked.filename)
}

// find returns the job of an archive, and opens the archive. It fails if the job does
// not have it any more. The error matches [jobs.ErrDamaged] if the archive is not the one
// that was made, as far as its size tells or was found before.
func (l *Links) find(ctx context.Context, o object, filename string) (jobs.Job, io.ReadSeekCloser, error) {
	job, err := l.config.Jobs.Get(ctx, o.organization, o.job)
	if err != nil {
		return jobs.Job{}, nil, fmt.Errorf("sign: get the job: %w", err)
	}
	if job.Status != jobs.Completed || job.ObjectKey != o.key || job.Filename != filename ||
		job.Organization.ID != o.organization || job.ID != o.job || job.Attempt != o.attempt {
		return jobs.Job{}, nil, fmt.Errorf("%w: the job has no such archive", export.ErrNotFound)
	}
	if !job.DamagedAt.IsZero() {
		return jobs.Job{}, nil, jobs.ErrDamaged
	}
	content, err := l.config.Destination.Open(ctx, o.key)
	if err != nil {
		return jobs.Job{}, nil, fmt.Errorf("sign: open the object: %w", err)
	}
	if err := checkObject(job, content); err != nil {
		_ = content.Close() // it was only read
		if errors.Is(err, jobs.ErrDamaged) {
			l.config.Logger.ErrorContext(ctx, "an archive that was asked for is damaged", "organization", o.organization, "job", o.job, "error", err)
		}
		return jobs.Job{}, nil, err
	}
	return job, content, nil
}

// checkObject compares the object with what the job says of it.
func checkObject(job jobs.Job, content io.Seeker) error {
	size, err := content.Seek(0, io.SeekEnd)
	switch {
	case err != nil:
		return fmt.Errorf("sign: size of the object: %w", err)
	case size != job.Size:
		return &jobs.DamageError{Kind: jobs.DamageSize, Size: size, Want: job.Size}
	case len(job.SHA256) != sha256.Size:
		return fmt.Errorf("sign: the job's SHA-256 has %d bytes", len(job.SHA256))
	}
	return nil
}
