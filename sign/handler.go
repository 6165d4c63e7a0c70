package sign

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/jobs"
)

var (
	// ErrLink is matched when a URL is not a link that one of the keys has signed.
	ErrLink = errors.New("sign: link is not valid")

	// ErrExpired is matched when a link was good once.
	ErrExpired = errors.New("sign: link has expired")
)

// Jobs is what a [Handler] asks about jobs. An [jobs.Store] is one, an
// [jobs.Service] another.
type Jobs interface {
	// Get returns a job of an organization; the error matches
	// [export.ErrNotFound] if there is none.
	Get(ctx context.Context, organizationID, jobID string) (jobs.Job, error)
}

// HandlerConfig is the configuration of a [Handler]. Ring, Jobs, Destination and
// Trail are required.
type HandlerConfig struct {
	// Ring has the keys. All of them check.
	Ring *Ring

	// Prefix is what stands before the object's key in the path of a request as
	// the handler gets it, such as "/downloads". It is made of letters, digits,
	// slashes and -._~ and does not end in a slash. Empty means nothing.
	Prefix string

	// Jobs tells whether the archive of a link still exists.
	Jobs Jobs

	// Destination has the archives.
	Destination jobs.Destination

	// Trail records downloads.
	Trail audit.Trail

	// Formats give an archive its media type, by the extension of its key. An
	// archive with another extension is application/octet-stream. Defaults to
	// [archive.DefaultFormats].
	Formats []archive.Format

	// Fail answers a request that is refused: with status 403 and an error that
	// matches [ErrLink] or [ErrExpired], 404 and [export.ErrNotFound], 405, 412,
	// 416, or 500, whose cause is in the log already. The text for the client is
	// [export.PublicText]. Fields that go with the status (Allow, Content-Range)
	// are set. Defaults to plain text.
	Fail func(w http.ResponseWriter, r *http.Request, status int, err error)

	// IdleTimeout is how long a client may take for the next 32 KiB of a
	// download. It takes the place of the server's WriteTimeout, so that a
	// download may take hours. Defaults to 5 minutes.
	IdleTimeout time.Duration

	// Logger gets causes that clients do not see. Defaults to [slog.Default].
	Logger *slog.Logger

	// Now is the clock that links expire by. Defaults to [time.Now].
	Now func() time.Time
}

// Handler serves archives to who has a link. It is safe for concurrent use. Make
// one with [NewHandler].
//
// It panics with [http.ErrAbortHandler] to break the connection when an archive
// cannot be sent whole, as handlers do: what recovers from panics around it must
// pass that one on.
type Handler struct{ config HandlerConfig }

// NewHandler returns a Handler, or everything that is wrong with c.
func NewHandler(c HandlerConfig) (*Handler, error) {
	var errs []error
	for _, field := range []struct {
		name    string
		missing bool
	}{
		{"Ring", c.Ring.size() == 0},
		{"Jobs", c.Jobs == nil},
		{"Destination", c.Destination == nil},
		{"Trail", c.Trail == nil},
	} {
		if field.missing {
			errs = append(errs, fmt.Errorf("sign: HandlerConfig.%s is missing", field.name))
		}
	}
	if c.Prefix != "" && (!strings.HasPrefix(c.Prefix, "/") || strings.HasSuffix(c.Prefix, "/") ||
		strings.Trim(c.Prefix, keyAlphabet+"~/") != "") {
		errs = append(errs, fmt.Errorf("sign: HandlerConfig.Prefix %q is not like /downloads", c.Prefix))
	}
	if slices.Contains(c.Formats, nil) {
		errs = append(errs, errors.New("sign: HandlerConfig.Formats has a nil format"))
	}
	if c.IdleTimeout < 0 {
		errs = append(errs, fmt.Errorf("sign: HandlerConfig.IdleTimeout %v is negative", c.IdleTimeout))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if c.Fail == nil {
		c.Fail = failPlain
	}
	if c.Formats == nil {
		c.Formats = archive.DefaultFormats()
	}
	if c.IdleTimeout == 0 {
		c.IdleTimeout = 5 * time.Minute
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Handler{c}, nil
}

// failPlain is the default of HandlerConfig.Fail.
func failPlain(w http.ResponseWriter, _ *http.Request, status int, err error) {
	http.Error(w, export.PublicText(err), status)
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		h.fail(w, r, http.StatusMethodNotAllowed,
			export.WithPublic(errors.New("sign: method"), "A link can only be used with GET and HEAD."))
		return
	}
	l, err := h.check(r)
	if err != nil {
		h.fail(w, r, http.StatusForbidden, err)
		return
	}
	job, content, err := h.open(r.Context(), l.object, l.filename)
	switch {
	case errors.Is(err, export.ErrNotFound):
		h.fail(w, r, http.StatusNotFound, export.WithPublic(err, "The archive does not exist any more."))
	case err != nil:
		if r.Context().Err() == nil { // else the client has gone
			h.log(r.Context(), "a download cannot be served", l.object.organization, l.object.job, err)
		}
		h.fail(w, r, http.StatusInternalServerError, err)
	default:
		h.serve(w, r, job, l.object, content)
	}
}

func (h *Handler) fail(w http.ResponseWriter, r *http.Request, status int, err error) {
	clearHeader(w.Header())
	h.config.Fail(w, r, status, err)
}

func (h *Handler) log(ctx context.Context, message, organizationID, jobID string, err error) {
	h.config.Logger.ErrorContext(ctx, message, "organization", organizationID, "job", jobID, "error", err)
}

// check returns what a link says once it is known that it was signed and is
// still good.
func (h *Handler) check(r *http.Request) (link, error) {
	path := r.URL.RawPath
	if path == "" { // then the usual escaping of Path is what came
		path = r.URL.EscapedPath()
	}
	path, ok := strings.CutPrefix(path, h.config.Prefix)
	l, err := parseLink(path, r.URL.RawQuery)
	if !ok || err != nil || !h.config.Ring.verify(l) {
		return link{}, export.WithPublic(ErrLink, "The link is not valid.")
	}
	// Only who has had a good link learns that it is too late.
	if !h.config.Now().Before(time.Unix(l.expires, 0)) {
		return link{}, export.WithPublic(ErrExpired, "The link has expired. Ask for the status of the export to get a new one.")
	}
	return l, nil
}

// open opens the archive if the job still has it.
func (h *Handler) open(ctx context.Context, o object, filename string) (jobs.Job, io.ReadSeekCloser, error) {
	job, err := h.config.Jobs.Get(ctx, o.organization, o.job)
	if err != nil {
		return jobs.Job{}, nil, fmt.Errorf("sign: get the job: %w", err)
	}
	if job.Status != jobs.Completed || job.ObjectKey != o.key || job.Filename != filename ||
		job.Organization.ID != o.organization || job.ID != o.job || job.Attempt != o.attempt {
		return jobs.Job{}, nil, fmt.Errorf("%w: the job has no such archive", export.ErrNotFound)
	}
	content, err := h.config.Destination.Open(ctx, o.key)
	if err != nil {
		return jobs.Job{}, nil, fmt.Errorf("sign: open the object: %w", err)
	}
	if err := checkObject(job, content); err != nil {
		_ = content.Close() // it was only read
		return jobs.Job{}, nil, err
	}
	return job, content, nil
}

// checkObject compares what there is with what the job says.
func checkObject(job jobs.Job, content io.Seeker) error {
	size, err := content.Seek(0, io.SeekEnd)
	switch {
	case err != nil:
		return fmt.Errorf("sign: size of the object: %w", err)
	case size != job.Size:
		return fmt.Errorf("sign: the object has %d bytes, the job says %d", size, job.Size)
	case len(job.SHA256) != sha256.Size:
		return fmt.Errorf("sign: the job's SHA-256 has %d bytes", len(job.SHA256))
	}
	return nil
}
