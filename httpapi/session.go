package httpapi

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/audit"
)

// sessionCookie is the name that the contract gives the cookie.
const sessionCookie = "sessionid"

// browserSession is a session and its text, which only the cookie has.
type browserSession struct {
	access.Session
	text string
}

// bySession returns whose session it is.
func (a *api) bySession(ctx context.Context, cookies []*http.Cookie) (caller, error) {
	text := cookies[0].Value
	if !access.ValidSession(text) || len(cookies) > 1 {
		return caller{}, errBadSession
	}
	hash := access.Hash(text)
	session, err := a.config.Sessions.SessionByHash(ctx, hash)
	if errors.Is(err, access.ErrNotFound) {
		return caller{}, errBadSession
	}
	if err != nil {
		return caller{}, fmt.Errorf("httpapi: look up a session: %w", err)
	}
	if subtle.ConstantTimeCompare(session.Hash[:], hash[:]) != 1 || !session.Active(a.config.Now()) {
		return caller{}, errBadSession
	}
	return caller{session.Principal(), &browserSession{session, text}, "session"}, nil
}

// checkOrigin refuses a request with a session that changes something and that another
// site has made the browser send. One with several origins is none of a browser's: the check
// would look at the first only.
func (a *api) checkOrigin(r *http.Request) error {
	several := len(r.Header.Values("Origin")) > 1 && r.Method != http.MethodGet && r.Method != http.MethodHead
	if several || a.crossOrigin.Check(r) != nil {
		return a.problem(http.StatusForbidden, detailOtherSite)
	}
	return nil
}

// renew extends a session to its full time if it is in its second half, unless it was
// made for a shorter time.
func (a *api) renew(ctx context.Context, w http.ResponseWriter, session browserSession) {
	now := a.config.Now()
	until := now.Add(a.config.SessionTTL)
	if session.ExpiresAt.Sub(session.CreatedAt) < a.config.SessionTTL {
		return
	}
	if session.ExpiresAt.Sub(now) > a.config.SessionTTL/2 || !a.touched.due(session.ID, time.Time{}, now) {
		return
	}
	if err := a.config.Sessions.ExtendSession(ctx, session.ID, until); err != nil {
		a.log(ctx).WarnContext(ctx, "session not extended", "session", session.ID, "error", err)
		return
	}
	http.SetCookie(w, a.cookie(session.text, until))
}

// cookie returns the cookie that a browser keeps until then.
func (a *api) cookie(text string, until time.Time) *http.Cookie {
	return &http.Cookie{
		Name: sessionCookie, Value: text, Path: "/", Expires: until.UTC(),
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: !strings.HasPrefix(strings.ToLower(a.config.PublicURL), "http:"),
	}
}

// registerSession adds the operation that ends a session.
func (a *api) registerSession() {
	huma.Register(a.huma, huma.Operation{
		Method:        http.MethodDelete,
		Path:          a.paths.session,
		OperationID:   "end_session",
		Tags:          []string{tagExtensions},
		Summary:       "Log out",
		Description:   "End the session of the request at once. There is nothing to end of other credentials.",
		DefaultStatus: http.StatusNoContent,
		Security:      credentials(),
		Responses: errorResponses(problemType, http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests,
			http.StatusInternalServerError),
	}, func(ctx context.Context, _ *struct{}) (*struct{}, error) {
		session := callerOf(ctx).session
		if session == nil {
			return nil, nil
		}
		err := a.config.Sessions.EndSession(ctx, session.ID)
		switch {
		case err == nil:
			a.recordEntry(ctx, audit.Entry{Action: audit.SessionEnded, Object: session.ID})
		case !errors.Is(err, access.ErrNotFound):
			return nil, a.problemOf(ctx, fmt.Errorf("httpapi: end a session: %w", err))
		}
		gone := a.cookie("", time.Unix(1, 0))
		gone.MaxAge = -1
		requestOf(ctx).header.Add("Set-Cookie", gone.String())
		return nil, nil
	})
}
